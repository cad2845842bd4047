#include "lib/api/output_encoding.h"

#include <fmt/format.h>

#include <algorithm>

namespace fumehood::api {
namespace {

// Up to so many bytes escaping is harmless, and text is worth more than compactness.
constexpr size_t kHarmlessSize = 32 * 1'024;

unsigned char ByteAt(std::string_view bytes, size_t index) { return static_cast<unsigned char>(bytes[index]); }

bool IsContinuation(unsigned char byte) { return (byte & 0xC0) == 0x80; }

// The length of the well-formed UTF-8 character at `index`, 0 where there is none.
size_t CharacterLength(std::string_view bytes, size_t index) {
  const unsigned char first = ByteAt(bytes, index);
  if (first < 0x80) return 1;
  size_t length = 0;
  unsigned char lowest = 0x80;  // the bounds of the second byte exclude overlong forms, surrogates, > U+10FFFF
  unsigned char highest = 0xBF;
  if (first >= 0xC2 && first <= 0xDF) {
    length = 2;
  } else if (first >= 0xE0 && first <= 0xEF) {
    length = 3;
    if (first == 0xE0) lowest = 0xA0;
    if (first == 0xED) highest = 0x9F;
  } else if (first >= 0xF0 && first <= 0xF4) {
    length = 4;
    if (first == 0xF0) lowest = 0x90;
    if (first == 0xF4) highest = 0x8F;
  } else {
    return 0;
  }
  if (index + length > bytes.size()) return 0;
  if (ByteAt(bytes, index + 1) < lowest || ByteAt(bytes, index + 1) > highest) return 0;
  for (size_t i = 2; i < length; ++i) {
    if (!IsContinuation(ByteAt(bytes, index + i))) return 0;
  }
  return length;
}

// Without the beginning of a character that was cut off at the end.
std::string_view TrimCutEnd(std::string_view text) {
  for (size_t back = 1; back <= std::min<size_t>(3, text.size()); ++back) {
    const unsigned char byte = ByteAt(text, text.size() - back);
    if (IsContinuation(byte)) continue;
    if (byte >= 0xC0 && CharacterLength(text, text.size() - back) == 0) text.remove_suffix(back);
    break;
  }
  return text;
}

// Without the rest of a character that was cut off at the beginning.
std::string_view TrimCutBegin(std::string_view text) {
  for (int i = 0; i < 3 && !text.empty() && IsContinuation(ByteAt(text, 0)); ++i) text.remove_prefix(1);
  return text;
}

bool IsTruncated(const KeptOutput& kept) { return kept.total_bytes > kept.head.size() + kept.tail.size(); }

KeptOutput CutAtCharacters(const KeptOutput& kept) {
  if (!IsTruncated(kept)) return kept;
  return {TrimCutEnd(kept.head), TrimCutBegin(kept.tail), kept.total_bytes};
}

std::string Join(const KeptOutput& kept) {
  if (!IsTruncated(kept)) return fmt::format("{}{}", kept.head, kept.tail);
  const uint64_t omitted = kept.total_bytes - kept.head.size() - kept.tail.size();
  return fmt::format("{}\n[fumehood: {} bytes omitted]\n{}", kept.head, omitted, kept.tail);
}

bool CanBeText(const std::string& text) {
  return IsUtf8(text) && EscapedSize(text) <= std::max(kHarmlessSize, text.size() / 3 * 4);
}

}  // namespace

void EncodeOutputs(const KeptOutput& stdout_kept, const KeptOutput& stderr_kept, CommandResult& result) {
  result.stdout_bytes = static_cast<int64_t>(stdout_kept.total_bytes);
  result.stderr_bytes = static_cast<int64_t>(stderr_kept.total_bytes);
  result.stdout_truncated = IsTruncated(stdout_kept);
  result.stderr_truncated = IsTruncated(stderr_kept);
  result.stdout_text = Join(CutAtCharacters(stdout_kept));
  result.stderr_text = Join(CutAtCharacters(stderr_kept));
  result.output_encoding = OutputEncoding::kUtf8;
  if (CanBeText(result.stdout_text) && CanBeText(result.stderr_text)) return;

  result.stdout_text = EncodeBase64(Join(stdout_kept));
  result.stderr_text = EncodeBase64(Join(stderr_kept));
  result.output_encoding = OutputEncoding::kBase64;
}

size_t EscapedSize(std::string_view text) {
  size_t size = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    switch (const unsigned char byte = ByteAt(text, i)) {
      case '"':
      case '\\':
      case '\n':
      case '\r':
      case '\t': size += 2; break;
      case '<':
      case '>':
      case '&': size += 6; break;
      default: size += byte < 0x20 ? 6 : 1;
    }
    // U+2028 and U+2029 are three bytes of UTF-8, and six when escaped.
    if (text.substr(i).starts_with("\xE2\x80\xA8") || text.substr(i).starts_with("\xE2\x80\xA9")) size += 3;
  }
  return size;
}

std::string EncodeBase64(std::string_view bytes) {
  static constexpr char kAlphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string encoded;
  encoded.reserve((bytes.size() + 2) / 3 * 4);
  for (size_t i = 0; i < bytes.size(); i += 3) {
    const size_t count = std::min<size_t>(3, bytes.size() - i);
    uint32_t group = static_cast<uint32_t>(ByteAt(bytes, i)) << 16;
    if (count > 1) group |= static_cast<uint32_t>(ByteAt(bytes, i + 1)) << 8;
    if (count > 2) group |= static_cast<uint32_t>(ByteAt(bytes, i + 2));
    for (size_t digit = 0; digit < 4; ++digit) {
      encoded += digit <= count ? kAlphabet[(group >> (18 - 6 * digit)) & 0x3F] : '=';
    }
  }
  return encoded;
}

bool IsUtf8(std::string_view bytes) {
  for (size_t i = 0; i < bytes.size();) {
    const size_t length = CharacterLength(bytes, i);
    if (length == 0) return false;
    i += length;
  }
  return true;
}

}  // namespace fumehood::api
