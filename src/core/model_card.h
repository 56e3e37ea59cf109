// ModelCard: how the world becomes a model's inputs and how its outputs become answers.
//
// Lives beside the model as NAME.card.json (docs/formats/card.md). optimize writes it, bundle
// embeds it, serve and agent only read it. Not for: what the graph itself says (dtypes, shapes).
// Threads: a value.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/dtype.h"
#include "core/json.h"
#include "core/result.h"
#include "core/shape.h"

namespace arete {

enum class InputKind : std::uint8_t { kTensor, kImage, kRecord };
enum class PixelLayout : std::uint8_t { kNchw, kNhwc };
enum class Orientation : std::uint8_t { kExif, kIgnore };
enum class ResizeFilter : std::uint8_t { kBilinear, kBicubic, kLanczos, kNearest };
enum class DecodeMode : std::uint8_t { kExact, kScaled };
enum class OutputKind : std::uint8_t { kTensor, kClassification };
enum class Activation : std::uint8_t { kNone, kSoftmax, kSigmoid };

// One named number of a record, in input order; a record without it takes the default.
struct RecordField {
  std::string name;
  bool has_default = false;
  double default_value = 0;
};

struct InputCard {
  InputKind kind = InputKind::kTensor;
  // Images: width and height in pixels; mean and std per channel of values in 0..1
  // ((pixel / 255 - mean) / std); their length is the number of channels, 1 (grey) or 3 (RGB).
  int width = 0;
  int height = 0;
  std::vector<float> mean;
  std::vector<float> std;
  PixelLayout layout = PixelLayout::kNchw;
  Orientation orientation = Orientation::kExif;
  ResizeFilter resize = ResizeFilter::kBilinear;
  // 0: the whole image becomes width x height. Else its shorter side becomes so many pixels, the aspect is kept, and
  // width x height is cut out of the middle; at least both.
  int crop_resize = 0;
  DecodeMode decode = DecodeMode::kExact;  // kScaled: a large JPEG may be shrunk while it is decoded
  // Records: the columns of a float [N, fields] input.
  std::vector<RecordField> fields;
};

struct OutputCard {
  OutputKind kind = OutputKind::kTensor;
  Activation activation = Activation::kNone;  // what must still be applied to the raw output
  std::vector<std::string> labels;            // one a class; empty: "0", "1", ...
};

struct ModelCard {
  InputCard input;
  OutputCard output;
};

inline constexpr int kMaxCardImageSide = 16384;
inline constexpr std::size_t kMaxCardLabels = 1000000;

// kInvalid naming the field and what it must be. Absent fields keep the defaults above.
Result<ModelCard> parse_card(const Json& json);
Json to_json(const ModelCard& card);

// The ImageNet mean and deviation for 3 channels, 0 and 1 otherwise: what an image input gets
// when nobody said anything.
void set_default_normalisation(InputCard& input, int channels);

// What dtypes and shapes (-1: a size that is not known) suggest where nobody wrote a card.
// An image for [N,C,H,W] or [N,H,W,C] of float32, float16 or uint8 with 1 or 3 channels and known sides of at least 8
// pixels: default normalisation, or for uint8 the pixels as they are. Nothing for any other input.
std::optional<InputCard> guess_image(DType dtype, const Shape& shape);
// How many classes the first output of a classification tells apart: the last axis (trailing axes of 1 do not count), 2
// where it is one floating score. 0 where that is not known, and for other outputs.
std::int64_t classes_of(const OutputCard& card, DType dtype, Shape output);
// kInvalid unless the label is one of the classes; where these are not known (0), unless it is negative.
Status check_label(std::int64_t label, std::int64_t classes);
// kInvalid when a classification's labels are not as many as its output of that shape has classes (two labels may stand
// for one score). Nothing can be said where the last axis is not known.
Status check_labels(const OutputCard& card, Shape output);
// Scores of a classifier: floating [N,C] with C > 1; trailing axes of 1 do not count.
bool suggests_classes(DType dtype, Shape shape);

}  // namespace arete
