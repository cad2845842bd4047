#pragma once

#include <functional>
#include <stop_token>
#include <variant>

#include "lib/base/result.h"
#include "lib/base/time.h"
#include "lib/sandbox/child_process.h"
#include "lib/sandbox/run.h"

namespace fumehood::sandbox {

// A program of the host that stands for a command: it is that command, or carries it.
struct HostCommand {
  Program program;  // its streams are made here
  std::string stdin_data;
  std::chrono::milliseconds timeout{0};
  uint64_t max_output_bytes = 0;
  int stdout_to = -1;  // as of RunRequest
  int stderr_to = -1;
  // Ends what the program carries, when the time is over or the caller wants no more of it, or tells the program to do
  // so; it should end by itself then. Where there is nothing to be called, or it doesn't help, its process group is
  // killed.
  std::function<void(pid_t program)> end_early = {};
};

struct HostEnded {
  int wait_status = 0;  // as of waitpid(2)
};

// How it ended.
struct HostCommandResult {
  std::variant<HostEnded, TimedOut, Cancelled> ending;
  CapturedOutput stdout_output;
  CapturedOutput stderr_output;
  SteadyTime started;
  SteadyTime ended;
};

// Runs it to its end and collects what it writes; nothing of its process group is left afterwards. `on_started` is
// called once it runs. Uses the calling thread only. The errno where it could not be started.
Result<std::variant<HostCommandResult, int>> RunHostCommand(const HostCommand& command,
                                                            const std::function<void()>& on_started,
                                                            std::stop_token stop);

}  // namespace fumehood::sandbox
