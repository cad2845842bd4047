#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <stop_token>
#include <vector>

#include "lib/base/result.h"
#include "lib/base/unique_fd.h"
#include "lib/sandbox/mount_point.h"
#include "lib/sandbox/runsc.h"
#include "lib/sandbox/sandbox_directory.h"
#include "lib/sandbox/supervision.h"

namespace fumehood::sandbox {

// One gVisor instance. After Start its init waits for a command; it gets a repository and one command, and
// serves no other. When it goes away, its processes, mounts and directory are gone with it. Used by one
// thread at a time. Its processes become children of the nearest subreaper above us, which reaps them: see
// EnterContainment.
class Sandbox {
 public:
  // Starts a sandbox with the root file system `root`, its directory in `pool`. `runsc` need not outlive it.
  static Result<std::unique_ptr<Sandbox>> Start(const Runsc& runsc, const std::filesystem::path& root,
                                                const std::filesystem::path& pool);
  ~Sandbox();

  // Whether its process runs and its init still listens. Looks at nothing that the sandbox sees.
  bool IsAlive() const;

  // Shows the sandbox the directory `repository`, read-only. Once, before RunCommand.
  Status MountRepository(int repository);

  // Shows it another directory, read-only, for the command to find at one of the hand-over's other paths: that of the
  // same number, from 0 on.
  Status MountOther(int directory);

  // As Supervise. Afterwards the sandbox has been killed.
  Result<Supervised> RunCommand(const init::HandOver& hand_over, CommandLimits limits,
                                const std::function<void()>& on_started, std::stop_token stop);

 private:
  Sandbox(SandboxDirectory directory, UniqueFd control, UniqueFd stdout_pipe, UniqueFd stderr_pipe, UniqueFd process);

  // Destroyed from the last to the first: the directory goes when nothing is mounted in it any more.
  SandboxDirectory directory_;
  MountPoint repository_;
  std::vector<MountPoint> others_;
  UniqueFd control_;
  UniqueFd stdout_pipe_;
  UniqueFd stderr_pipe_;
  UniqueFd process_;
};

}  // namespace fumehood::sandbox
