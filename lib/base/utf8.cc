#include "lib/base/utf8.h"

#include <algorithm>

namespace fumehood {
namespace {

unsigned char ByteAt(std::string_view bytes, size_t index) { return static_cast<unsigned char>(bytes[index]); }

bool IsContinuation(unsigned char byte) { return (byte & 0xC0) == 0x80; }

// The length of the well-formed character at `index`, 0 where there is none.
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

}  // namespace

bool IsUtf8(std::string_view bytes) {
  for (size_t i = 0; i < bytes.size();) {
    const size_t length = CharacterLength(bytes, i);
    if (length == 0) return false;
    i += length;
  }
  return true;
}

std::string_view TrimCutEnd(std::string_view text) {
  for (size_t back = 1; back <= std::min<size_t>(3, text.size()); ++back) {
    const unsigned char byte = ByteAt(text, text.size() - back);
    if (IsContinuation(byte)) continue;
    if (byte >= 0xC0 && CharacterLength(text, text.size() - back) == 0) text.remove_suffix(back);
    break;
  }
  return text;
}

std::string_view TrimCutBegin(std::string_view text) {
  for (int i = 0; i < 3 && !text.empty() && IsContinuation(ByteAt(text, 0)); ++i) text.remove_prefix(1);
  return text;
}

std::string ToStorableText(std::string_view bytes, size_t max_bytes) {
  if (bytes.size() > max_bytes) bytes = TrimCutEnd(bytes.substr(0, max_bytes));
  std::string text;
  text.reserve(bytes.size());
  for (size_t i = 0; i < bytes.size();) {
    const size_t length = CharacterLength(bytes, i);
    if (length == 0) {
      text += '?';
      ++i;
    } else {
      text += bytes.substr(i, length);
      i += length;
    }
  }
  return text;
}

}  // namespace fumehood
