#pragma once

#include <string>
#include <vector>

#include "lib/api/sandbox_command.h"
#include "lib/sandbox/run.h"

namespace fumehood::executor {

// What to run in the sandbox for this command. Pure. The spec has passed api::Validate. `readable` is the directory
// that its namespace may read and the repository is in; `image_env` are variables of its image, which the spec's own
// replace.
sandbox::RunRequest PlanRun(const api::SandboxCommandSpec& spec, const std::string& readable,
                            const std::vector<api::EnvVar>& image_env);

}  // namespace fumehood::executor
