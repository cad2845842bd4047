#pragma once

#include <optional>
#include <string>
#include <vector>

#include "lib/api/sandbox_command.h"
#include "lib/sandbox/run.h"

namespace fumehood::executor {

// What to run in the sandbox for this command. Pure. The spec has passed api::Validate. `readable` is the directory
// that its namespace may read and the repository is in; `image_env` are variables of its image, which the spec's own
// replace.
// Its limits are `resources`, as its status has them; none where they are missing, as an older controller leaves them.
sandbox::RunRequest PlanRun(const api::SandboxCommandSpec& spec, const std::optional<api::Resources>& resources,
                            const std::string& readable, const std::vector<api::EnvVar>& image_env);

}  // namespace fumehood::executor
