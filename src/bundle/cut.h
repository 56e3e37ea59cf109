// Cutting a file into pieces that stay the same from version to version: at the weights of a model, at the arrays of an
// archive.
//
// Pieces one behind the other are always the file. Threads: pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "bundle/draft.h"

namespace arete::bundle {

// A run of bytes that is something by itself. Runs shorter than this are not worth a blob.
inline constexpr std::uint64_t kLeastCutBytes = 4096;
struct Mark {
  std::uint64_t offset = 0;
  std::uint64_t bytes = 0;
  std::string tensor = {};
};

// The marked runs, and what lies between them. Marks that are short, leave the file or overlap an earlier one are none.
std::vector<Piece> cut_at(std::span<const std::byte> file, std::vector<Mark> marks);

// The arrays of an .npz archive; none where the bytes are no archive.
std::vector<Mark> marks_of_archive(std::span<const std::byte> file);

}  // namespace arete::bundle
