#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "lib/base/result.h"

namespace fumehood {

// Reads a duration as command lines give it: a number and a unit, "500ms", "40s", "1.5m" or "2h". kInvalid for anything
// else, and for what is not positive.
Result<std::chrono::milliseconds> ParseDuration(std::string_view text);

// "40s", "1500ms": what ParseDuration reads.
std::string FormatDuration(std::chrono::milliseconds duration);

}  // namespace fumehood
