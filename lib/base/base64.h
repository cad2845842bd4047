#pragma once

#include <string>
#include <string_view>

#include "lib/base/result.h"

namespace fumehood {

// Standard base64 with its padding, on one line.
std::string EncodeBase64(std::string_view bytes);

// White space between the characters is skipped. kInvalid for anything that is not whole and well-formed.
Result<std::string> DecodeBase64(std::string_view text);

}  // namespace fumehood
