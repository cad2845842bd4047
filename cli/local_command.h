#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "cli/local_options.h"
#include "lib/base/result.h"
#include "lib/sandbox/command_runner.h"
#include "lib/sandbox/docker_client.h"

namespace fumehood::cli {

// A command as it is given on this machine, with paths of this machine.
struct LocalCommand {
  std::vector<std::string> argv = {};
  std::vector<std::string> env = {};  // "NAME=value"
  std::string stdin_data = {};
  // What the command finds at /workspace, read-only. Empty: the working directory.
  std::filesystem::path repository = {};
  // Where it starts. Empty: the repository. Where it is not in the repository, it is what is at /workspace, and the
  // repository is to be found at its own path: so git finds the repository that a worktree belongs to.
  std::filesystem::path working_dir = {};
  sandbox::RepositoryAccess access = sandbox::RepositoryAccess::kReadOnly;
  sandbox::Limits limits = {};
  std::chrono::milliseconds timeout{60'000};
  uint64_t max_output_bytes = 1'048'576;
};

// As the runners take it, whose repository root is "/". Without both paths the current directory is meant. A path that
// can't be used is an Error (kInvalid).
Result<sandbox::RunRequest> ToRequest(const LocalCommand& command, const LocalOptions& options, Isolation isolation);

// What sandboxes of this user keep while they run: a directory on which nobody else has a hand. It stays, empty.
std::filesystem::path StateDirectory();

// Docker's command line as this user has it.
Result<sandbox::DockerClient> OpenDocker(const LocalOptions& options);

// Makes the runner for one isolation, not for `auto`. For runsc this process changes: it goes on in a namespace of its
// own, see EnterContainment; so call it while there is one thread, and once. An Error says why it can't work here.
Result<std::unique_ptr<sandbox::CommandRunner>> OpenRunner(Isolation isolation, const LocalOptions& options,
                                                           const sandbox::RunRequest& request);

}  // namespace fumehood::cli
