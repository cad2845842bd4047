#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "lib/base/result.h"
#include "lib/base/unique_fd.h"
#include "lib/sandbox/command_runner.h"
#include "lib/sandbox/disposal.h"
#include "lib/sandbox/images.h"
#include "lib/sandbox/limits.h"
#include "lib/sandbox/owner_mapping.h"
#include "lib/sandbox/runsc.h"
#include "lib/sandbox/state_directory.h"
#include "lib/sandbox/warm_pool.h"

namespace fumehood::sandbox {

struct RunscOptions {
  // The gVisor runtime: a path, not a name to be looked up.
  std::filesystem::path runsc;
  // What it says about its version, where that is known. Empty: it is asked, and refused unless it answers as runsc.
  std::string version = {};
  // How gVisor gets hold of system calls: "systrap", "kvm" or "ptrace".
  std::string platform = "systrap";
  // Our program that becomes PID 1 of each sandbox.
  std::filesystem::path init;
  ImageSource images;
  // The directory below which the repositories are.
  std::filesystem::path repository_root;
  // Whatever a request wants to be visible beside its repository is one of these, or below /tmp.
  std::vector<std::filesystem::path> also_visible = {};
  // For the runner's own use; see StateDirectory.
  std::filesystem::path state;
  // The size of the command's /tmp and of its /dev/shm, each, where the request doesn't say.
  uint64_t scratch_bytes = kDefaultScratchBytes;
  WithoutCgroups without_cgroups = WithoutCgroups::kRefuseLimits;
  // Sandboxes that are started before they are needed; by default none. Their threads are the runner's.
  PoolOptions pool = {};
  // The memory of those that wait before any command has come.
  std::optional<uint64_t> pool_memory_bytes = {};
  // Hears of each of those that could not be started. Called from such a thread.
  std::function<void(const Error&)> on_pool_failure = [](const Error&) {};
};

// Runs each command in a fresh gVisor sandbox of its own. Needs root with CAP_SYS_ADMIN.
// So that nothing outlives the process however it dies, call EnterContainment first.
class RunscRunner final : public CommandRunner {
 public:
  // Checks what can be checked without a sandbox: the runtime, the folders, the right to mount. `cgroups` is where
  // those of the sandboxes are made, or why there can be none: a request with a limit that needs one gets that as its
  // answer.
  static Result<std::unique_ptr<RunscRunner>> Create(const RunscOptions& options, Cgroups cgroups);

  Result<RunResult> Run(const RunRequest& request, const std::function<void()>& on_started,
                        std::stop_token stop) override;

  // The images that a request can name, and those that it can't with the reason. Neither ever changes.
  std::vector<std::string> images() const { return images_.names(); }
  const std::vector<Images::Refused>& refused_images() const { return images_.refused(); }
  // Starts a sandbox with this image and throws it away: an Error is why no command could be run with it now.
  Status TryImage(const std::string& image);
  // What confines every command of this runner, beside its own limits.
  Isolation isolation() const;

  // Throws away the sandboxes that wait, and lets none wait from now on.
  void DrainPool() { pool_.Drain(); }
  size_t waiting_sandboxes() const { return pool_.waiting(); }

 private:
  RunscRunner(const RunscOptions& options, StateDirectory state, Runsc runsc, Images images, UniqueFd repository_root,
              Cgroups cgroups);
  // A result without a command having run.
  RunResult WithoutStart(Ending ending) const;
  Result<std::unique_ptr<Sandbox>> Start(const PoolKind& kind, CpuWeight weight) const;
  // What a sandbox gets to see beside its image: directories that stay open as long as this.
  struct Sources;
  // One attempt in a sandbox that has just been had: what became of it, or why its directories can't be shown there.
  using Attempt = std::variant<Accounted, NotStarted>;
  Result<Attempt> RunIn(Sandbox& sandbox, const Sources& sources, const init::HandOver& hand_over, const Limits& limits,
                        const RunRequest& request, const std::function<void()>& on_started, std::stop_token stop);

  OwnerMappings owner_mappings_;
  // Those that follow are fixed, and so need no lock. Destroyed from the last to the first: the sandboxes before the
  // images, and those before the directory in which all is mounted.
  StateDirectory state_;
  Runsc runsc_;
  Images images_;
  UniqueFd repository_root_;
  const uint64_t scratch_bytes_;
  const WithoutCgroups without_cgroups_;
  Cgroups cgroups_;
  const std::optional<uint64_t> usual_memory_bytes_;  // nothing where it can't be limited
  const SystemClock clock_;
  Disposal disposal_;
  WarmPool pool_;
};

}  // namespace fumehood::sandbox
