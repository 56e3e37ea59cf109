#include "graph/weight_places.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/wire_format_lite.h>

#include <onnx/onnx_pb.h>

#include <limits>

#include "core/external_location.h"
#include "graph/tensor_proto.h"
#include "graph/wire_scan.h"

namespace arete::graph {
namespace {

using google::protobuf::internal::WireFormatLite;

// What is said of a weight, all but its elements.
Result<onnx::TensorProto> read_label(std::span<const std::byte> message) {
  const Error broken{Code::kCorrupt, "a weight's bytes are no tensor"};
  onnx::TensorProto label;
  google::protobuf::io::CodedInputStream in(reinterpret_cast<const std::uint8_t*>(message.data()),
                                            static_cast<int>(message.size()));
  while (const std::uint32_t tag = in.ReadTag()) {
    const int number = WireFormatLite::GetTagFieldNumber(tag);
    const bool is_delimited = WireFormatLite::GetTagWireType(tag) == WireFormatLite::WIRETYPE_LENGTH_DELIMITED;
    std::string text;
    if (number == onnx::TensorProto::kNameFieldNumber && is_delimited) {
      if (!WireFormatLite::ReadString(&in, label.mutable_name())) return broken;
    } else if (number == onnx::TensorProto::kExternalDataFieldNumber && is_delimited) {
      if (!WireFormatLite::ReadString(&in, &text) || !label.add_external_data()->ParseFromString(text)) return broken;
    } else if (number == onnx::TensorProto::kDataLocationFieldNumber) {
      std::uint64_t value = 0;
      if (!in.ReadVarint64(&value)) return broken;
      label.set_data_location(value == onnx::TensorProto::EXTERNAL ? onnx::TensorProto::EXTERNAL
                                                                   : onnx::TensorProto::DEFAULT);
    } else if (!WireFormatLite::SkipField(&in, tag)) {
      return broken;
    }
  }
  return label;
}

Status add_external(const onnx::TensorProto& label, WeightPlaces& places) {
  ASSIGN_OR_RETURN(const ExternalPlace place, external_place(label));
  std::vector<WeightPlace>& in_file = places.beside[place.location];
  // Without a length the shape says it, which nobody reads here: such a weight is no place to cut at.
  if (place.length) in_file.push_back({label.name(), place.offset, *place.length});
  return {};
}

}  // namespace

Result<WeightPlaces> find_weights(std::span<const std::byte> model) {
  WeightPlaces places;
  ASSIGN_OR_RETURN(const std::vector<std::span<const std::byte>> weights, scan_weights(model));
  for (const std::span<const std::byte> weight : weights) {
    if (weight.size() > std::numeric_limits<int>::max()) return Error{Code::kCorrupt, "a weight is over 2 GiB"};
    ASSIGN_OR_RETURN(const onnx::TensorProto label, read_label(weight));
    places.model.push_back({label.name(), static_cast<std::uint64_t>(weight.data() - model.data()), weight.size()});
    if (label.data_location() == onnx::TensorProto::EXTERNAL) RETURN_IF_ERROR(add_external(label, places));
  }
  return places;
}

}  // namespace arete::graph
