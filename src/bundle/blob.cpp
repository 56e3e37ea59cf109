#include "bundle/blob.h"

#include <zstd.h>

#include <algorithm>
#include <bit>

#include "core/check.h"

namespace arete::bundle {
namespace {

constexpr int kLevel = 12;  // of 22
constexpr int kPatchLevel = 15;
constexpr double kWorthIt = 0.95;
constexpr int kMaxWindowLog = 26;  // a blob and its base

struct FreeZstd {
  void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
  void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
};

// Only for want of some kilobytes it is not made.
template <class Context>
Context* made(Context* context) {
  CHECK(context != nullptr);
  return context;
}

// Only a parameter out of zstd's bounds fails, and those here are constants.
void set(ZSTD_CCtx* context, ZSTD_cParameter parameter, int value) {
  CHECK(ZSTD_isError(ZSTD_CCtx_setParameter(context, parameter, value)) == 0);
}

std::vector<std::byte> compressed(ZSTD_CCtx* context, std::span<const std::byte> bytes) {
  std::vector<std::byte> packed(ZSTD_compressBound(bytes.size()));
  const std::size_t size = ZSTD_compress2(context, packed.data(), packed.size(), bytes.data(), bytes.size());
  packed.resize(ZSTD_isError(size) == 0 ? size : 0);
  packed.shrink_to_fit();
  return packed;
}

}  // namespace

struct BlobPacker::State {
  std::unique_ptr<ZSTD_CCtx, FreeZstd> context{made(ZSTD_createCCtx())};

  ZSTD_CCtx* begin(int level) {
    ZSTD_CCtx_reset(context.get(), ZSTD_reset_session_and_parameters);
    set(context.get(), ZSTD_c_compressionLevel, level);
    return context.get();
  }
};

BlobPacker::BlobPacker() : state_(std::make_unique<State>()) {}
BlobPacker::~BlobPacker() = default;

Packed BlobPacker::pack(std::span<const std::byte> bytes) {
  CHECK(bytes.size() <= kMaxBlobBytes);
  std::vector<std::byte> packed = compressed(state_->begin(kLevel), bytes);
  const bool is_worth_it =
      !packed.empty() && static_cast<double>(packed.size()) <= kWorthIt * static_cast<double>(bytes.size());
  return is_worth_it ? Packed{Coding::kZstd, std::move(packed)} : Packed{};
}

Packed BlobPacker::pack_against(std::span<const std::byte> base, std::span<const std::byte> bytes) {
  Packed alone = pack(bytes);
  ZSTD_CCtx* const context = state_->begin(kPatchLevel);
  set(context, ZSTD_c_windowLog,
      std::clamp(static_cast<int>(std::bit_width(base.size() + bytes.size())), 10, kMaxWindowLog));
  set(context, ZSTD_c_enableLongDistanceMatching, 1);
  CHECK(ZSTD_isError(ZSTD_CCtx_refPrefix(context, base.data(), base.size())) == 0);
  std::vector<std::byte> patch = compressed(context, bytes);
  const std::size_t otherwise = alone.coding == Coding::kRaw ? bytes.size() : alone.bytes.size();
  return !patch.empty() && patch.size() < otherwise ? Packed{Coding::kPatch, std::move(patch)} : std::move(alone);
}

struct BlobUnpacker::State {
  std::unique_ptr<ZSTD_DCtx, FreeZstd> context{made(ZSTD_createDCtx())};
};

BlobUnpacker::BlobUnpacker() : state_(std::make_unique<State>()) {
  CHECK(ZSTD_isError(ZSTD_DCtx_setParameter(state_->context.get(), ZSTD_d_windowLogMax, kMaxWindowLog)) == 0);
}
BlobUnpacker::~BlobUnpacker() = default;

Status BlobUnpacker::unpack(Coding coding, std::span<const std::byte> stored, std::span<const std::byte> base,
                            std::span<std::byte> into) {
  const Error broken{Code::kCorrupt, "its stored form is broken"};
  if (coding == Coding::kRaw) {
    if (stored.size() != into.size()) return broken;
    std::ranges::copy(stored, into.begin());
    return {};
  }
  // One frame and nothing else, which says the wanted length: checked before anything is unpacked.
  const bool one_frame = ZSTD_findFrameCompressedSize(stored.data(), stored.size()) == stored.size() &&
                         ZSTD_getFrameContentSize(stored.data(), stored.size()) == into.size();
  if (!one_frame) return broken;
  ZSTD_DCtx* const context = state_->context.get();
  ZSTD_DCtx_reset(context, ZSTD_reset_session_only);
  if (coding == Coding::kPatch) CHECK(ZSTD_isError(ZSTD_DCtx_refPrefix(context, base.data(), base.size())) == 0);
  const std::size_t size = ZSTD_decompressDCtx(context, into.data(), into.size(), stored.data(), stored.size());
  return ZSTD_isError(size) == 0 && size == into.size() ? Status() : Status(broken);
}

Status check_blob(const Blob& blob, std::span<const std::byte> bytes) {
  if (digest_of(bytes) == blob.digest) return {};
  return Error{Code::kCorrupt, "blob " + blob.digest.hex() + " has other bytes than its name says"};
}

}  // namespace arete::bundle
