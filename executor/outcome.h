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

// What became of an attempt: all that its object is going to say. It is kept in the ledger until the API server has
// it, so it needs nothing of the object that it belongs to.
struct Outcome {
  api::SandboxCommandStatus status;  // of the finished command, but for its outputs
  sandbox::CapturedOutput stdout_output;
  sandbox::CapturedOutput stderr_output;
  uint64_t max_output_bytes = 0;  // of each stream, as the command's spec says
  int64_t spec_bytes = 0;         // of the spec in the API server's storage
};

Outcome MakeOutcome(const api::SandboxCommand& command, sandbox::RunResult result,
                    const RunCircumstances& circumstances);

}  // namespace fumehood::executor
