#pragma once

#include <string_view>

namespace fumehood::sandbox {

// Why `path` is not a clean relative path ("shop", "team/shop"), for the user to read; empty when it is one.
// Refused are an absolute path, "." and "..", empty components, NUL bytes, and what is too long for the
// kernel.
std::string_view WhyNotCleanRelative(std::string_view path);

}  // namespace fumehood::sandbox
