// A PNG writer for tests, so that they need neither files nor an encoder: 8 bits, not compressed.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace arete::test {

inline std::uint32_t png_crc(std::string_view bytes) {
  std::uint32_t crc = 0xFFFFFFFFU;
  for (const char c : bytes) {
    crc ^= static_cast<unsigned char>(c);
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1U) != 0 ? 0xEDB88320U : 0U);
  }
  return ~crc;
}

inline std::string big_endian(std::uint32_t value) {
  return {static_cast<char>(value >> 24), static_cast<char>(value >> 16), static_cast<char>(value >> 8),
          static_cast<char>(value)};
}

inline std::string png_chunk(std::string_view kind, std::string_view body) {
  const std::string checked = std::string(kind) + std::string(body);
  return big_endian(static_cast<std::uint32_t>(body.size())) + checked + big_endian(png_crc(checked));
}

// zlib's container around stored blocks.
inline std::string zlib_stored(std::string_view bytes) {
  std::string out("\x78\x01", 2);
  std::uint32_t a = 1;
  std::uint32_t b = 0;
  for (const char c : bytes) {
    a = (a + static_cast<unsigned char>(c)) % 65521;
    b = (b + a) % 65521;
  }
  do {
    const std::string_view block = bytes.substr(0, 65535);
    bytes.remove_prefix(block.size());
    const auto size = static_cast<unsigned>(block.size());
    out += static_cast<char>(bytes.empty() ? 1 : 0);
    out += {static_cast<char>(size), static_cast<char>(size >> 8), static_cast<char>(~size),
            static_cast<char>(~size >> 8)};
    out += block;
  } while (!bytes.empty());
  return out + big_endian(b << 16 | a);
}

inline std::string png_header(std::uint32_t width, std::uint32_t height, int depth, int colour_type) {
  std::string body = big_endian(width) + big_endian(height);
  body += {static_cast<char>(depth), static_cast<char>(colour_type), '\0', '\0', '\0'};
  return std::string("\x89PNG\r\n\x1A\n") + png_chunk("IHDR", body);
}

// Pixels in rows, channels 1 (grey) or 3 interleaved; their number must be width * height *
// channels.
inline std::string tiny_png(std::uint32_t width, std::uint32_t height, int channels, std::string_view pixels) {
  std::string rows;
  const std::size_t row = width * static_cast<std::size_t>(channels);
  for (std::uint32_t y = 0; y < height; ++y) rows += '\0' + std::string(pixels.substr(y * row, row));
  return png_header(width, height, 8, channels == 1 ? 0 : 2) + png_chunk("IDAT", zlib_stored(rows)) +
         png_chunk("IEND", "");
}

// One colour all over.
inline std::string flat_png(std::uint32_t width, std::uint32_t height, int channels, char value) {
  return tiny_png(width, height, channels, std::string(width * height * static_cast<std::size_t>(channels), value));
}

}  // namespace arete::test
