#pragma once

#include <string>
#include <string_view>

namespace fumehood {

// Whether `bytes` is well-formed UTF-8 (RFC 3629: no surrogates, no overlong forms, nothing above U+10FFFF).
bool IsUtf8(std::string_view bytes);

// Without the beginning of a character that was cut off at the end, or the rest of one at the beginning. Bytes that
// aren't UTF-8 to begin with are left as they are.
std::string_view TrimCutEnd(std::string_view text);
std::string_view TrimCutBegin(std::string_view text);

// At most `max_bytes` of it, never cut within a character, with '?' for each byte that is not UTF-8: what an API server
// takes as a string.
std::string ToStorableText(std::string_view bytes, size_t max_bytes);

}  // namespace fumehood
