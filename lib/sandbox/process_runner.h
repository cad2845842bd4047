#pragma once

#include "lib/sandbox/command_runner.h"

namespace fumehood::sandbox {

// Runs each command as a process of this machine, with its caller's rights: NOT isolated from anything. The command can
// read and change whatever the caller can, also the repository, use the network, and leave processes behind that have a
// session of their own. What remains: an environment of its own, the time limit, and what is kept of its output. For
// whoever asks for just this.
class ProcessRunner final : public CommandRunner {
 public:
  // `repository_root` as of RunscOptions. A request's image means nothing here, nor what is also visible.
  explicit ProcessRunner(std::filesystem::path repository_root) : repository_root_(std::move(repository_root)) {}

  Result<RunResult> Run(const RunRequest& request, const std::function<void()>& on_started,
                        std::stop_token stop) override;

 private:
  const std::filesystem::path repository_root_;
};

}  // namespace fumehood::sandbox
