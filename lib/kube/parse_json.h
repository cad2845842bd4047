#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "lib/base/result.h"

namespace fumehood::kube {

// Reads JSON that others wrote. kInternal for what is not JSON, and for what nests deeper than any object
// that we know does: nlohmann's writer and comparison recurse.
Result<nlohmann::json> ParseJson(std::string_view text);

// Writes JSON. kInvalid where a string is not UTF-8.
Result<std::string> DumpJson(const nlohmann::json& value);

}  // namespace fumehood::kube
