#include "lib/base/base64.h"

#include <openssl/evp.h>

#include <cstdint>

namespace fumehood {
namespace {

constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

}  // namespace

std::string EncodeBase64(std::string_view bytes) {
  std::string encoded((bytes.size() + 2) / 3 * 4 + 1, '\0');  // EVP_EncodeBlock adds a NUL
  const int length =
      EVP_EncodeBlock(reinterpret_cast<unsigned char*>(encoded.data()),
                      reinterpret_cast<const unsigned char*>(bytes.data()), static_cast<int>(bytes.size()));
  encoded.resize(static_cast<size_t>(length));
  return encoded;
}

Result<std::string> DecodeBase64(std::string_view text) {
  std::string decoded;
  uint32_t bits = 0;
  size_t characters = 0;
  size_t padding = 0;
  for (const char c : text) {
    if (c == ' ' || c == '\n' || c == '\r' || c == '\t') continue;
    ++characters;
    if (c == '=') {
      ++padding;
      continue;
    }
    const size_t value = kAlphabet.find(c);
    if (value == std::string_view::npos || padding > 0) return Fail(ErrorCode::kInvalid, "not base64");
    bits = bits << 6 | static_cast<uint32_t>(value);
    // 6, 12, 18, 24 bits are there after each character of a group; 8 of them are ready after all but the first.
    const size_t in_group = characters % 4;
    if (in_group == 2) decoded += static_cast<char>(bits >> 4 & 0xFF);
    if (in_group == 3) decoded += static_cast<char>(bits >> 2 & 0xFF);
    if (in_group == 0) decoded += static_cast<char>(bits & 0xFF);
  }
  if (characters % 4 != 0 || padding > 2) return Fail(ErrorCode::kInvalid, "not base64, or cut off");
  return decoded;
}

}  // namespace fumehood
