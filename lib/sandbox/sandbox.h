#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <vector>

#include "lib/base/result.h"
#include "lib/base/unique_fd.h"
#include "lib/sandbox/cgroup_parent.h"
#include "lib/sandbox/mount_point.h"
#include "lib/sandbox/owner_mapping.h"
#include "lib/sandbox/runsc.h"
#include "lib/sandbox/sandbox_directory.h"
#include "lib/sandbox/supervision.h"

namespace fumehood::sandbox {

struct SandboxSetup {
  std::filesystem::path root;  // the root file system
  std::filesystem::path pool;  // the sandbox's directory is made in it
  // Where it gets a cgroup; null: none. Must outlive the sandbox.
  CgroupParent* cgroups = nullptr;
  // The guest takes it for the machine's. Checked before, see CheckLimits.
  std::optional<uint64_t> memory_bytes = {};
  // Until it has a command; then it is an ordinary one.
  CpuWeight weight = CpuWeight::kOrdinary;
};

// How a command ended, and what it used.
struct Accounted {
  Supervised supervised;
  Usage usage;
};

// One gVisor instance. After Start its init waits for a command; it gets a repository and one command, and
// serves no other. When it goes away, its processes, mounts and directory are gone with it. Used by one
// thread at a time. Its processes become children of the nearest subreaper above us, which reaps them: see
// EnterContainment.
class Sandbox {
 public:
  // Starts a sandbox, from its first instruction on within its memory. `runsc` need not outlive it.
  static Result<std::unique_ptr<Sandbox>> Start(const Runsc& runsc, const SandboxSetup& setup);
  ~Sandbox();

  // Whether its process runs and its init still listens. Looks at nothing that the sandbox sees.
  bool IsAlive() const;

  // Shows the sandbox the directory `repository`, read-only, as belonging to the command's user; see MountForCommand.
  // Once, before RunCommand.
  Result<std::optional<NotStarted>> MountRepository(int repository, const RunRequest& request, OwnerMappings& mappings);

  // Shows it another directory in the same way, for the command to find at one of the hand-over's other paths: that of
  // the same number, from 0 on.
  Result<std::optional<NotStarted>> MountOther(int directory, std::string_view name, OwnerMappings& mappings);

  // As Supervise, within `limits`, whose memory the sandbox has already; where the kernel killed for lack of memory,
  // that is the ending. Afterwards the sandbox has been killed.
  Result<Accounted> RunCommand(const init::HandOver& hand_over, const Limits& limits, CommandLimits bounds,
                               const std::function<void()>& on_started, std::stop_token stop);

 private:
  Sandbox(SandboxDirectory directory, std::optional<Cgroup> cgroup, CpuWeight weight, UniqueFd control,
          UniqueFd stdout_pipe, UniqueFd stderr_pipe, UniqueFd process);

  // Destroyed from the last to the first: the directory goes when nothing is mounted in it any more.
  SandboxDirectory directory_;
  std::optional<Cgroup> cgroup_;
  const CpuWeight weight_;
  MountPoint repository_;
  std::vector<MountPoint> others_;
  UniqueFd control_;
  UniqueFd stdout_pipe_;
  UniqueFd stderr_pipe_;
  UniqueFd process_;
};

}  // namespace fumehood::sandbox
