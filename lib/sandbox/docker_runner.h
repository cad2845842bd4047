#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "lib/sandbox/command_runner.h"
#include "lib/sandbox/host_command.h"

namespace fumehood::sandbox {

struct DockerOptions {
  // Docker's command line: a path, not a name to be looked up.
  std::filesystem::path docker;
  // What of our environment it gets, "NAME=value": HOME, and what begins with DOCKER_.
  std::vector<std::string> environment;
  // The engine's runtime that is gVisor.
  std::string runtime = "runsc";
  // As of RunscOptions.
  std::filesystem::path repository_root;
  uint64_t scratch_bytes = kDefaultScratchBytes;
};

// Runs each command in a container of its own, by gVisor as Docker Engine's runtime: the image is one that the engine
// has; nothing is pulled. The repository is at /workspace, read-only, and what else is visible at its own path; no
// network, no capabilities, a read-only root file system, and /tmp in memory.
//
// A container is removed when its command has ended, was killed, or when this process dies, whose watchman does it
// then. Should that die too, the container has the label dev.fumehood.owner, which names boot, pid and start time of
// its owner.
class DockerRunner final : public CommandRunner {
 public:
  // Asks the engine for its version and runtimes. An Error says what to do about it.
  static Result<std::unique_ptr<DockerRunner>> Create(DockerOptions options);

  Result<RunResult> Run(const RunRequest& request, const std::function<void()>& on_started,
                        std::stop_token stop) override;

 private:
  explicit DockerRunner(DockerOptions options) : options_(std::move(options)) {}
  HostCommand Docker(std::vector<std::string> arguments) const;
  std::vector<std::string> CommandLine(const RunRequest& request, const std::string& name,
                                       const std::vector<std::string>& env) const;
  bool RemoveAndTellWhetherOutOfMemory(const std::string& name) const;
  RunResult WithoutStart(Ending ending) const;

  const DockerOptions options_;
  std::string version_;  // the engine's; empty until Create has asked
};

}  // namespace fumehood::sandbox
