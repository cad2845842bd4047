#pragma once

#include <string_view>

#include "lib/api/sandbox_command.h"
#include "lib/base/result.h"

namespace fumehood::api {

// Checks those of the CRD's limits and rules that a run depends on, for objects that come from a server without them
// (an older CRD, or one that somebody edited): nothing reaches an executor that it hasn't passed. Pure. The error names
// the field, what is wrong with it, and what is allowed.
Status Validate(const SandboxCommandSpec& spec);

// Whether it can stand in an environment. The error says what is wrong, not where.
Status CheckVariable(const EnvVar& variable);

// Whether `path` is relative and has no empty, "." or ".." part and no control character.
bool IsCleanRelativePath(std::string_view path);

}  // namespace fumehood::api
