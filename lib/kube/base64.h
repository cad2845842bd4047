#pragma once

#include <string>
#include <string_view>

#include "lib/base/result.h"

namespace fumehood::kube {

// Reads standard base64 with its padding; white space between the characters is skipped. kInvalid for anything else.
Result<std::string> DecodeBase64(std::string_view text);

}  // namespace fumehood::kube
