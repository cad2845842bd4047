// Quantities as Kubernetes writes them: "500m", "1.5", "512Mi", "2G", "1e3".
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "lib/base/result.h"

namespace fumehood::api {

// Read a quantity by Kubernetes' rules: a decimal number with a sign or without, then nothing, a binary suffix (Ki, Mi,
// Gi, Ti, Pi, Ei), a decimal one (n, u, m, k, M, G, T, P, E) or an exponent (e3, E-3). What is smaller than the unit is
// rounded up. kInvalid, with `text` in the message, for anything else, for what doesn't fit into the result, and for
// what has no digit (Kubernetes takes "Mi" for zero).
Result<int64_t> ParseQuantity(std::string_view text);       // in whole units, such as bytes
Result<int64_t> ParseMilliQuantity(std::string_view text);  // in thousandths, such as millis of a processor

// The shortest form that reads as the same number: 1500 -> "1500m", 2000 -> "2"; 536870912 -> "512Mi", 1000 -> "1000".
std::string FormatMilliQuantity(int64_t thousandths);
std::string FormatByteQuantity(int64_t bytes);

}  // namespace fumehood::api
