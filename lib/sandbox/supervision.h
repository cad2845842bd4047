#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <stop_token>
#include <variant>

#include "lib/base/result.h"
#include "lib/base/time.h"
#include "lib/sandbox/init_protocol.h"
#include "lib/sandbox/run.h"

namespace fumehood::sandbox {

// The host's ends of a sandbox's connections. Borrowed; the reading ends may be switched to non-blocking.
struct SandboxChannels {
  int control = -1;  // the init
  int stdout_pipe = -1;
  int stderr_pipe = -1;
  int process = -1;  // a pidfd of the sandbox
};

struct CommandLimits {
  std::chrono::milliseconds timeout{0};
  uint64_t max_output_bytes = 0;
  int stdout_to = -1;  // as of RunRequest
  int stderr_to = -1;
};

// How a command ended, as seen from outside of its sandbox.
struct Supervised {
  std::variant<Exited, Signaled, TimedOut, Cancelled, OutOfMemory, SandboxTerminated, init::NotStarted> ending;
  CapturedOutput stdout_output;
  CapturedOutput stderr_output;
  std::optional<SteadyTime> started;  // nothing where it never was
  SteadyTime ended;
};

// Hands the command over, collects its output until it ends, is cancelled or reaches its time limit, and then
// kills the whole sandbox. Uses the calling thread only. `on_started` is called once, when the program runs.
// The init's words are claims of the sandbox's inside: nonsense, silence and death count as
// SandboxTerminated.
Result<Supervised> Supervise(const SandboxChannels& channels, const init::HandOver& hand_over, CommandLimits limits,
                             const std::function<void()>& on_started, std::stop_token stop);

}  // namespace fumehood::sandbox
