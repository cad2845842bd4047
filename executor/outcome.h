// What a run means for the object. Pure: no IO, no clock.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "lib/api/sandbox_command.h"
#include "lib/base/time.h"
#include "lib/sandbox/run.h"

namespace fumehood::executor {

// What the run itself doesn't know.
struct RunCircumstances {
  std::string handler;                 // of the RuntimeClass, as this executor serves it
  std::optional<WallTime> start_time;  // none: the command was never started
  WallTime completion_time;
};

// The status of the finished command: that of `command`, and what its run has added. Of each output stream at most
// `max_output_bytes` are kept, which may be less than what the run has kept.
api::SandboxCommandStatus FinishedStatus(const api::SandboxCommand& command, const sandbox::RunResult& result,
                                         const RunCircumstances& circumstances, uint64_t max_output_bytes);

}  // namespace fumehood::executor
