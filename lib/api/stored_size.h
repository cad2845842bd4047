// About how many bytes an object takes in the API server's storage, which keeps it as JSON.
#pragma once

#include <cstdint>

#include "lib/api/sandbox_command.h"

namespace fumehood::api {

// Counts what a user or a command can make large; for all the rest a constant is added to the status' size.
int64_t StoredBytes(const SandboxCommandSpec& spec);
int64_t StoredBytes(const SandboxCommandStatus& status);

}  // namespace fumehood::api
