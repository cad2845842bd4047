#pragma once

#include <filesystem>
#include <string>

#include "lib/base/result.h"

namespace fumehood {

// The whole content of a configuration or credential file. kTooLarge above `max_bytes`. Pipes are fine.
Result<std::string> ReadFile(const std::filesystem::path& file, size_t max_bytes);

}  // namespace fumehood
