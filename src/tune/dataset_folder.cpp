// Folders of images: class folders, or one flat folder.
#include <algorithm>
#include <array>
#include <charconv>

#include "core/json.h"
#include "media/image/to_tensor.h"
#include "tune/dataset_parts.h"

namespace arete::tune {
namespace {

// Formats that we cannot read are listed too: their error says so, which silence would not.
constexpr std::array<std::string_view, 12> kImageExtensions = {".jpg", ".jpeg", ".jpe", ".jfif", ".png",  ".webp",
                                                               ".gif", ".bmp",  ".tif", ".tiff", ".heic", ".avif"};

bool is_image_name(const std::string& name) {
  return std::ranges::find(kImageExtensions, os::extension_of(name)) != kImageExtensions.end();
}

bool is_hidden(const std::string& name) { return name.starts_with('.'); }

// "T-shirt%2Ftop" -> "T-shirt/top"; a % without two hexadecimal digits stays.
std::string decode_percent(const std::string& name) {
  std::string decoded;
  for (std::size_t i = 0; i < name.size(); ++i) {
    unsigned value = 0;
    const char* const digits = name.data() + i + 1;
    const bool is_escape =
        name[i] == '%' && i + 2 < name.size() && std::from_chars(digits, digits + 2, value, 16).ptr == digits + 2;
    decoded += is_escape ? static_cast<char>(value) : name[i];
    if (is_escape) i += 2;
  }
  return decoded;
}

// What stands in the data folder itself.
struct Listing {
  std::vector<std::string> folders;
  std::vector<std::string> images;
};

Result<Listing> list_top(const os::FileSystem& files, const std::string& path) {
  ASSIGN_OR_RETURN(const std::vector<std::string> names, files.list(path));
  Listing listing;
  for (const std::string& name : names) {
    if (is_hidden(name)) continue;
    const Result<os::FileInfo> info = files.info(os::join_path(path, name));
    if (info && info->kind == os::FileKind::kFolder) {
      listing.folders.push_back(name);
    } else if (is_image_name(name)) {
      listing.images.push_back(name);  // also what cannot be looked at: its error comes in its turn
    }
  }
  return listing;
}

Result<std::vector<std::string>> list_images(const os::FileSystem& files, const std::string& folder) {
  ASSIGN_OR_RETURN(std::vector<std::string> names, files.list(folder));
  std::erase_if(names, [](const std::string& name) { return is_hidden(name) || !is_image_name(name); });
  return names;
}

// One image, by class and by name relative to the data folder.
struct Entry {
  std::optional<std::int64_t> label;
  std::string name;
};

struct ClassFolder {
  std::int64_t label = 0;
  std::string name;
  std::vector<std::string> images;
};

// One of each class in turn, until all are used up.
std::vector<Entry> interleave(std::vector<ClassFolder> classes) {
  std::ranges::sort(classes, {}, &ClassFolder::label);
  std::vector<Entry> entries;
  for (std::size_t i = 0, added = 1; added != 0; ++i) {
    added = 0;
    for (const ClassFolder& one : classes) {
      if (i >= one.images.size()) continue;
      entries.push_back({one.label, os::join_path(one.name, one.images[i])});
      ++added;
    }
  }
  return entries;
}

// Names that are 0..n-1 in decimal, in that order; else empty.
std::vector<std::string> as_numbers(const std::vector<std::string>& names) {
  std::vector<std::string> numbers;
  for (std::size_t i = 0; i < names.size(); ++i) numbers.push_back(std::to_string(i));
  return std::ranges::is_permutation(numbers, names) ? numbers : std::vector<std::string>();
}

// The classes of a card without labels.
std::vector<std::string> labels_of_folders(const std::vector<std::string>& folders) {
  std::vector<std::string> labels;
  for (const std::string& folder : folders) labels.push_back(decode_percent(folder));
  std::ranges::sort(labels);
  std::vector<std::string> numbers = as_numbers(labels);
  return numbers.empty() ? labels : numbers;
}

Result<std::vector<ClassFolder>> match_labels(const std::vector<std::string>& folders,
                                              const std::vector<std::string>& labels) {
  for (const std::string& folder : folders) {
    if (!is_utf8(folder)) return Error{Code::kInvalid, "a class folder's name is no UTF-8 text (Latin-1?): rename it"};
  }
  const LabelIndex index(labels);
  std::vector<ClassFolder> classes;
  std::map<std::int64_t, std::string> taken;
  for (const std::string& folder : folders) {
    std::optional<std::int64_t> label = index.find(decode_percent(folder));
    if (!label) label = index.find(folder);
    if (!label) {
      return Error{Code::kInvalid, "the class folder '" + folder + "' matches no label; folders: " +
                                       list_names(folders) + "; labels: " + list_names(labels)};
    }
    const auto [at, is_new] = taken.emplace(*label, folder);
    if (!is_new) {
      return Error{Code::kInvalid, "the class folders '" + at->second + "' and '" + folder +
                                       "' match the same label '" + labels[static_cast<std::size_t>(*label)] + "'"};
    }
    classes.push_back({*label, folder, {}});
  }
  return classes;
}

class ImageFolder final : public Dataset {
 public:
  ImageFolder(const os::FileSystem& files, std::string path, InputCard card, engine::ValueInfo input, SampleShape shape,
              std::vector<Entry> entries, std::vector<std::string> labels, bool use_labels)
      : files_(files),
        path_(std::move(path)),
        card_(std::move(card)),
        input_(std::move(input)),
        whole_(shape == SampleShape::kWhole),
        use_labels_(use_labels),
        entries_(std::move(entries)),
        labels_(std::move(labels)) {}

  Result<std::optional<Sample>> next() override {
    if (at_ == entries_.size()) return std::optional<Sample>();
    const Entry& entry = entries_[at_++];
    Result<Tensor> tensor = load(entry);
    if (!tensor) return with_context(std::move(tensor).error(), entry.name);
    Sample sample{{{input_.name, std::move(*tensor)}}, std::nullopt, entry.name};
    if (use_labels_) sample.label = entry.label;
    sample.whole = whole_;
    return std::optional<Sample>(std::move(sample));
  }
  Status rewind() override {
    at_ = 0;
    return {};
  }
  std::size_t size() const override { return entries_.size(); }
  bool has_labels() const override { return use_labels_ && entries_.front().label.has_value(); }
  const std::vector<std::string>& labels() const override { return labels_; }
  std::string label_objection() const override { return !use_labels_ && entries_.front().label ? kNoClasses : ""; }

 private:
  Result<Tensor> load(const Entry& entry) const {
    const std::string path = os::join_path(path_, entry.name);
    ASSIGN_OR_RETURN(const std::string bytes, os::read_file(files_, path, kMaxImageFileBytes));
    ASSIGN_OR_RETURN(Tensor tensor, media::decode_to_tensor(std::as_bytes(std::span(bytes)), card_, input_.dtype));
    return whole_ ? without_first_axis(tensor) : tensor;
  }

  const os::FileSystem& files_;
  std::string path_;
  InputCard card_;
  engine::ValueInfo input_;
  bool whole_;  // the input has no batch axis
  bool use_labels_;
  std::vector<Entry> entries_;
  std::vector<std::string> labels_;
  std::size_t at_ = 0;
};

// A class without images is an error where the folders themselves are the classes: then DATA is
// likely a level too high. Where the card has labels, it is just a class that does not occur.
Result<std::vector<Entry>> list_classes(const os::FileSystem& files, const std::string& path, const Listing& listing,
                                        const std::vector<std::string>& labels, bool may_be_empty) {
  ASSIGN_OR_RETURN(std::vector<ClassFolder> classes, match_labels(listing.folders, labels));
  for (ClassFolder& one : classes) {
    ASSIGN_OR_RETURN(one.images, list_images(files, os::join_path(path, one.name)));
    if (!one.images.empty() || may_be_empty) continue;
    return Error{Code::kInvalid, "the class folder '" + os::join_path(path, one.name) +
                                     "' holds no images; a class folder must hold .jpg or .png files"};
  }
  return interleave(std::move(classes));
}

// The card and the model must agree before the first image is read.
Result<SampleShape> check_card(const DatasetOptions& options, const engine::ValueInfo& input) {
  if (options.card.input.kind != InputKind::kImage) {
    return Error{Code::kInvalid, "a folder of images, but the model's input " + input.name + " " +
                                     engine::describe(input) +
                                     " takes none: give an .npz or a .csv, or say in the model's card (--card) what "
                                     R"(becomes of a picture: {"input": {"kind": "image", "width": W, "height": H}})"};
  }
  ASSIGN_OR_RETURN(const Shape shape, media::image_tensor_shape(options.card.input, input.dtype));
  return match_shape(shape, input, options.batch);
}

Error no_images(const std::string& path) {
  return {Code::kInvalid, "'" + path +
                              "' holds no images: it must hold a folder for each class with .jpg "
                              "or .png files in it, or "
                              "such files themselves"};
}

}  // namespace

Result<std::unique_ptr<Dataset>> open_image_folder(const os::FileSystem& files, const std::string& path,
                                                   const DatasetOptions& options) {
  ASSIGN_OR_RETURN(const Listing listing, list_top(files, path));
  if (listing.folders.empty() && listing.images.empty()) return no_images(path);
  if (!listing.folders.empty() && !listing.images.empty()) {
    return Error{Code::kInvalid, "'" + path + "' holds images ('" + listing.images.front() +
                                     "') beside class folders ('" + listing.folders.front() +
                                     "'); move them into their class folders"};
  }
  ASSIGN_OR_RETURN(engine::ValueInfo input, only_input(options, "a folder of images"));
  const Result<SampleShape> fits = check_card(options, input);
  if (!fits) return with_context(fits.error(), "'" + path + "'");

  std::vector<std::string> labels = options.card.output.labels;
  std::vector<Entry> entries;
  for (const std::string& name : listing.images) entries.push_back({std::nullopt, name});
  if (!listing.folders.empty()) {
    const bool card_has_labels = !labels.empty();
    if (!card_has_labels) labels = labels_of_folders(listing.folders);
    ASSIGN_OR_RETURN(entries, list_classes(files, path, listing, labels, card_has_labels));
  }
  if (entries.empty()) return no_images(path);
  if (entries.size() > kMaxDatasetFiles) {
    return Error{Code::kExhausted, "'" + path + "' holds over " + std::to_string(kMaxDatasetFiles) + " images"};
  }
  return std::unique_ptr<Dataset>(std::make_unique<ImageFolder>(files, path, options.card.input, std::move(input),
                                                                *fits, std::move(entries), std::move(labels),
                                                                options.use_labels));
}

}  // namespace arete::tune
