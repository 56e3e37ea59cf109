// Runs a model on the raw bytes of its first input: embed_c MODEL.onnx INPUT.bin
#include <arete/c.h>
#include <stdio.h>
#define TRY(call) if ((status = (call)) != NULL) goto done  // NULL: it worked
int main(int argc, char** argv) {
  static char bytes[1 << 20];
  int64_t shape[64];  // no tensor has more axes
  arete_status* status = NULL;
  arete_model* model = NULL;
  arete_tensor *input = NULL, *output = NULL;
  TRY(arete_model_open(argc > 1 ? argv[1] : "", NULL, &model));
  const arete_value* wanted = arete_model_input(model, 0);
  if (wanted == NULL) goto done;
  for (int i = 0; i < wanted->rank && i < 64; ++i) shape[i] = wanted->shape[i] < 0 ? 1 : wanted->shape[i];
  FILE* file = fopen(argc > 2 ? argv[2] : "", "rb");
  size_t size = file != NULL ? fread(bytes, 1, sizeof bytes, file) : 0;
  if (file != NULL) fclose(file);
  TRY(arete_tensor_copy(wanted->dtype, shape, (size_t)wanted->rank, bytes, size, &input));
  TRY(arete_model_run(model, NULL, &input, 1, &output, 1));
  const float* values = arete_tensor_dtype(output) == ARETE_FLOAT32 ? arete_tensor_data(output) : NULL;
  for (size_t i = 0; values != NULL && i < arete_tensor_count(output); ++i) printf("%.9g\n", values[i]);
done:
  if (status != NULL) fprintf(stderr, "%s\n", arete_status_message(status));
  const int ended = arete_status_code(status);
  arete_tensor_free(output);
  arete_tensor_free(input);
  arete_model_free(model);
  arete_status_free(status);
  return ended;
}
