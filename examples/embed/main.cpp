// Runs a model on the raw bytes of its first input: embed_cpp MODEL.onnx INPUT.bin
#include <arete/model.h>

#include <fstream>
#include <iostream>
#include <iterator>

int complain(const arete::Error& error) {
  std::cerr << error.message << "\n";
  return static_cast<int>(error.code);
}

int main(int argc, char** argv) {
  const auto model = arete::Model::open(argc > 1 ? argv[1] : "");
  if (!model) return complain(model.error());
  if (model->inputs().empty()) return 0;
  const arete::ValueInfo& wanted = model->inputs().front();
  arete::Shape shape = wanted.shape;
  for (std::int64_t& size : shape) size = size < 0 ? 1 : size;  // a batch of one
  std::ifstream file(argc > 2 ? argv[2] : "", std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(file), {}};
  const auto input = arete::Tensor::copy(wanted.dtype, shape, bytes.data(), bytes.size());
  if (!input) return complain(input.error());
  const auto outputs = model->run({{wanted.name, *input}});
  if (!outputs) return complain(outputs.error());
  const auto values = outputs->front().tensor.values<float>();
  if (!values) return complain(values.error());
  std::cout.precision(9);
  for (const float value : *values) std::cout << value << "\n";
}
