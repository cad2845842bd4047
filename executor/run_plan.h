#pragma once

#include <optional>
#include <string>
#include <vector>

#include "lib/api/sandbox_command.h"
#include "lib/sandbox/run.h"

namespace fumehood::executor {

// What the administrator's configuration adds to a command.
struct Allowed {
  api::Resources resources;
  std::string readable;                     // the directory that its namespace may read, and the repository is in
  std::vector<api::EnvVar> image_env = {};  // of its image; the spec's own variables replace these
};

// What to run in the sandbox for this command. Pure. The spec has passed api::Validate.
sandbox::RunRequest PlanRun(const api::SandboxCommandSpec& spec, const Allowed& allowed);

}  // namespace fumehood::executor
