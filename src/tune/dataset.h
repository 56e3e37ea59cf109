// Dataset: opens DATA, the examples that calibration and proof take, as a stream of samples.
//
// DATA is one of
//   a folder of class folders of images   label: the folder's name (%2F in it stands for a slash)
//   a folder of images                    no labels
//   NAME.npz                              an array [n,...] per model input under its name, or `x` for
//                                         the only input; labels `y`: integers [n] or one-hot
//                                         [n,classes]
//   NAME.csv, NAME.tsv                    a header line, numbers, and perhaps a column `label`
// Images follow the card's input. Arrays and CSV numbers are taken as they are, not normalised.
// An array with one axis more than its input, [n,...input], holds a whole input in each row: so are inputs without a
// batch axis fed (states, sequences with time first); a single number is what a scalar input gets in every sample.
//
// Dtypes: an array's must be its input's; for a float16, float32 or float64 input every real dtype
// is converted, rounded to nearest. Samples with NaN or infinities in a float input are kInvalid.
// Order: images take one of each class in turn (by label, then by file name), so that the first n
// samples are balanced; .npz and CSV keep their own order.
// Labels: the card's. Folder and CSV names are matched exactly, then without regard to case where
// that leaves one choice; a CSV label may be a class index too. Without labels in the card, folder
// names in bytewise order are the classes 0..n-1 (names that are the numbers 0..n-1 are their own
// index), and so are a CSV's label texts unless all of those are numbers. A label that is none of the model's classes
// is an error when DATA is opened. Labels that are no classes at all (fractions: the targets of a regression) are left
// out, and label_objection() says why.
// Not for: preparing data (splitting, shuffling, augmenting).
// Threads: one. Ownership: a Dataset borrows the FileSystem for its life. Memory: one sample, and
// for a folder its file names.
// Origins: the path below the folder; "row 3", counted from 0 in an .npz (as numpy does) and from 1
// in a CSV. What cannot be read is an error of its own and the stream goes on behind it, except
// behind an archive that does not unpack, where it ends.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/model_card.h"
#include "core/result.h"
#include "core/sample_source.h"
#include "engine/engine.h"
#include "os/base/files.h"
#include "proof/sample_batch.h"

namespace arete::tune {

inline constexpr std::size_t kMaxDatasetFiles = 5'000'000;
inline constexpr std::uint64_t kMaxImageFileBytes = std::uint64_t{256} << 20;
inline constexpr std::size_t kMaxSampleBytes = std::size_t{1} << 30;
inline constexpr std::size_t kMaxCsvRowBytes = std::size_t{16} << 20;

// The label_objection() where use_labels is false.
inline constexpr const char* kNoClasses = "labels are there, but the output is no classification by its card";

struct DatasetOptions {
  ModelCard card;
  std::vector<engine::ValueInfo> inputs;  // of the model
  proof::BatchRule batch;                 // of the model: whether a first axis of fixed size is one
  std::int64_t classes = 0;               // of its first output; 0: not known
  bool use_labels = true;                 // false: the model names no classes, labels are left out
};

class Dataset : public SampleSource {
 public:
  // What label indices mean: the card's labels, or those that the data brought (for the caller to
  // write into the card). Empty: nobody named them.
  virtual const std::vector<std::string>& labels() const = 0;
  // Why the labels that DATA holds are not used; empty when they are, or when it holds none.
  virtual std::string label_objection() const { return ""; }
};

// kNotFound; kUnsupported: not one of the kinds above, or a model that the kind cannot feed;
// kInvalid: data and card or model do not fit, with both sides in the message; kExhausted over a
// limit; kCorrupt, kIo. Reads a folder's names, an archive's directory, a CSV once.
Result<std::unique_ptr<Dataset>> open_dataset(const os::FileSystem& files, const std::string& path,
                                              const DatasetOptions& options);

}  // namespace arete::tune
