#pragma once

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "lib/sandbox/command_runner.h"
#include "lib/sandbox/docker_client.h"

namespace fumehood::sandbox {

struct DockerOptions {
  DockerClient docker;
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
// The engine is asked for nothing before a run, because each question is a start of Docker's command line: when a run
// fails, the Error says what the engine lacks.
//
// A container is removed when its command has ended, was killed, or when this process dies, whose watchman does it
// then. Should that die too, or come before the engine has made the container, it is one for RemoveAbandonedContainers.
class DockerRunner final : public CommandRunner {
 public:
  explicit DockerRunner(DockerOptions options) : options_(std::move(options)) {}

  Result<RunResult> Run(const RunRequest& request, const std::function<void()>& on_started,
                        std::stop_token stop) override;

 private:
  std::vector<std::string> CommandLine(const RunRequest& request, const std::string& name,
                                       const std::vector<std::string>& env) const;
  bool RemoveAndTellWhetherOutOfMemory(const std::string& name) const;
  // What kept the engine from running a container, by its words, its exit status and its runtimes.
  Result<NotStarted> WhyNotRun(int exit_status, const CapturedOutput& output, const RunRequest& request) const;
  // A result with nothing but an ending.
  RunResult Ended(Ending ending, const Result<std::string>& engine_version) const;

  const DockerOptions options_;
};

}  // namespace fumehood::sandbox
