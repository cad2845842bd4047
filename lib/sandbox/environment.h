#pragma once

#include <string>
#include <vector>

#include "lib/base/result.h"

namespace fumehood::sandbox {

// What a command finds as its environment: `entries`, each "NAME=value", and defaults for PATH, HOME and LANG. Nothing
// is inherited. Of entries with the same name the last one counts, as in a Kubernetes container.
Result<std::vector<std::string>> MakeEnvironment(const std::vector<std::string>& entries);

}  // namespace fumehood::sandbox
