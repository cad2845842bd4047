#pragma once

#include <filesystem>

#include "lib/base/result.h"
#include "lib/sandbox/cgroup.h"
#include "lib/sandbox/child_process.h"

namespace fumehood::sandbox {

// Where a program of the host lives from its first instruction on, and all that it starts.
struct Confinement {
  CgroupEntrance cgroup = {};
  // A file that it finds as /proc/meminfo, in a mount namespace of its own; empty: the machine's. gVisor tells its
  // guests the size of memory that it reads there.
  std::filesystem::path memory_info = {};
  // It inherits /dev/null under this number, above 2, so that its table of descriptors is large from the start; -1: it
  // doesn't.
  int highest_descriptor = -1;
};

// Spawn, confined. The child is one before anything is executed: nothing of the program is charged elsewhere.
Result<pid_t> SpawnConfined(const Program& program, const Confinement& confinement);

}  // namespace fumehood::sandbox
