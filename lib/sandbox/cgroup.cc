#include "lib/sandbox/cgroup.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <thread>
#include <utility>

#include "lib/base/time.h"
#include "lib/sandbox/cgroup_files.h"

namespace fumehood::sandbox {

namespace {

using namespace std::chrono_literals;

// What was killed is gone within milliseconds; one that isn't is stuck in the kernel, and is left to a later sweep.
constexpr auto kRemovalLimit = 5s;
constexpr auto kLongestPause = 50ms;

}  // namespace

Result<Cgroup> Cgroup::Make(CgroupVersion version, std::vector<CgroupControls::Place> parents, std::string name) {
  std::vector<int> parent_fds;
  std::vector<CgroupControls::Directory> directories;
  std::vector<UniqueFd> tasks;
  int error_number = 0;
  for (CgroupControls::Place& parent : parents) {
    if (mkdirat(parent.fd, name.c_str(), 0755) != 0) {
      error_number = errno;
      break;
    }
    parent_fds.push_back(parent.fd);
    UniqueFd fd = OpenCgroupDirectory(parent.fd, name.c_str());
    if (fd.valid() && version == CgroupVersion::kV1) {
      tasks.emplace_back(openat(fd.get(), "tasks", O_WRONLY | O_CLOEXEC));
    }
    if (!fd.valid() || (!tasks.empty() && !tasks.back().valid())) {
      error_number = errno;
      break;
    }
    directories.push_back({.controllers = std::move(parent.controllers), .fd = std::move(fd)});
  }
  // It removes as much as was made.
  Cgroup cgroup(std::move(parent_fds), std::move(name), CgroupControls(version, std::move(directories)),
                std::move(tasks));
  if (error_number != 0) return FailErrno(error_number, fmt::format("make the cgroup \"{}\"", cgroup.name_));
  return cgroup;
}

Cgroup::~Cgroup() {
  // In the reverse order: what is in the first is complete as long as it is there.
  for (auto parent = parents_.rbegin(); parent != parents_.rend(); ++parent) {
    RemoveCgroup(controls_.version(), *parent, name_);
  }
}

void RemoveCgroup(CgroupVersion version, int parent, const std::string& name) {
  const SteadyTime deadline = std::chrono::steady_clock::now() + kRemovalLimit;
  std::chrono::milliseconds pause = 1ms;
  while (unlinkat(parent, name.c_str(), AT_REMOVEDIR) != 0 && errno == EBUSY) {
    if (std::chrono::steady_clock::now() >= deadline) return;
    std::vector<CgroupControls::Directory> directories;
    directories.push_back({.controllers = {}, .fd = OpenCgroupDirectory(parent, name.c_str())});
    CgroupControls(version, std::move(directories)).KillAll();
    std::this_thread::sleep_for(pause);
    pause = std::min<std::chrono::milliseconds>(2 * pause, kLongestPause);
  }
}

CgroupEntrance Cgroup::entrance() const {
  CgroupEntrance entrance;
  if (controls_.version() == CgroupVersion::kV2) entrance.directory = controls_.directories().front().fd.get();
  for (const UniqueFd& fd : tasks_) entrance.tasks.push_back(fd.get());
  return entrance;
}

}  // namespace fumehood::sandbox
