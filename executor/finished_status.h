// The status that an object gets from an outcome. Pure.
#pragma once

#include <cstdint>

#include "executor/outcome.h"
#include "lib/api/sandbox_command.h"

namespace fumehood::executor {

// All of it. Of each output stream at most `max_output_bytes` are kept, which may be less than what the run has kept.
api::SandboxCommandStatus FinishedStatus(const Outcome& outcome, uint64_t max_output_bytes);

// As little as a finished command can have, for an object that takes no more: how it ended, and that the rest is
// missing.
api::SandboxCommandStatus BareStatus(const Outcome& outcome);

}  // namespace fumehood::executor
