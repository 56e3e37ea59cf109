// What the kinds of data sets share: labels by name, dtypes made to fit, finite numbers; and how
// each kind is opened. Not for: callers outside dataset*.cpp. Threads: values and pure functions.
#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tune/dataset.h"

namespace arete::tune {

Result<std::unique_ptr<Dataset>> open_image_folder(const os::FileSystem& files, const std::string& path,
                                                   const DatasetOptions& options);
Result<std::unique_ptr<Dataset>> open_npz(const os::FileSystem& files, const std::string& path,
                                          const DatasetOptions& options);
Result<std::unique_ptr<Dataset>> open_csv(const os::FileSystem& files, const std::string& path,
                                          const DatasetOptions& options);

// Class index by name: exactly, else without regard to (ASCII) case where one label fits.
class LabelIndex {
 public:
  explicit LabelIndex(const std::vector<std::string>& labels);
  std::optional<std::int64_t> find(std::string_view name) const;

 private:
  std::map<std::string, std::int64_t, std::less<>> exact_;
  std::map<std::string, std::optional<std::int64_t>> folded_;  // nothing: several labels
};

// As many as the card has labels, else as the model has classes; 0: not known.
std::int64_t classes_of(const DatasetOptions& options);

// Numbers of this dtype are real ones, as to_doubles() gives them.
bool is_real(DType dtype);

// The model's only input. kUnsupported naming what to use, when it has several.
Result<engine::ValueInfo> only_input(const DatasetOptions& options, std::string_view kind);
// Whether samples of this shape [1,...] are rows of the input, whose first axis is the batch, or hold it whole behind
// an axis of 1. By `batch` a fixed first axis may be none (the time of a sequence): then whole it must be.
enum class SampleShape : std::uint8_t { kRow, kWhole };
Result<SampleShape> match_shape(const Shape& sample, const engine::ValueInfo& input, const proof::BatchRule& batch);
// A whole sample [1,...] without that axis.
Result<Tensor> without_first_axis(const Tensor& tensor);
// An array of dtype `from` can become the input: the rule of dataset.h.
Status check_dtype(DType from, const engine::ValueInfo& input);

// A sample's tensor as its input wants it: dtype converted, every number finite.
Result<Tensor> fit_tensor(Tensor tensor, const engine::ValueInfo& input);

// "a, b, c and 7 more"
std::string list_names(std::span<const std::string> names);

}  // namespace arete::tune
