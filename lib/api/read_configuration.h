#pragma once

#include <string>

#include "lib/api/configuration.h"
#include "lib/base/result.h"

namespace fumehood::api {

// Reads the administrator's configuration, a YAML document as docs/configuration.md describes it. Nothing is guessed:
// kInvalid for an unknown or repeated key, a value of another kind or out of bounds, a default above its maximum, an
// entry that an earlier one hides. The message has every problem that was found, each with file and line, and what
// would be right. `file` is for these messages only.
Result<Configuration> ReadConfiguration(const std::string& yaml, const std::string& file);

}  // namespace fumehood::api
