#pragma once

#include <functional>
#include <stop_token>

#include "lib/base/result.h"
#include "lib/sandbox/run.h"

namespace fumehood::sandbox {

// Runs one command isolated from everything, and waits for it to end.
class CommandRunner {
 public:
  virtual ~CommandRunner() = default;

  // Runs the command in a sandbox of its own and waits for it to end.
  // A command that fails, times out or is killed is a RunResult; an Error means that we could not run it.
  // `on_started` is called once, from the calling thread, when the command has been started; it must not block.
  // Safe to call from several threads. On `stop` the sandbox is killed before Run returns, with what the
  // command had written by then.
  virtual Result<RunResult> Run(const RunRequest& request, const std::function<void()>& on_started,
                                std::stop_token stop) = 0;
};

}  // namespace fumehood::sandbox
