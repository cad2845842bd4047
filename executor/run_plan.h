#pragma once

#include "lib/api/sandbox_command.h"
#include "lib/sandbox/run.h"

namespace fumehood::executor {

// What to run in the sandbox for this command. Pure. The spec has passed api::Validate.
sandbox::RunRequest PlanRun(const api::SandboxCommandSpec& spec);

}  // namespace fumehood::executor
