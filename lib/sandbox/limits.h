// What a request's limits mean for the cgroup of its sandbox. (Processes are counted by the init, and scratch space is
// of a size: see HandOver.)
#pragma once

#include <cstdint>
#include <memory>

#include "lib/base/result.h"
#include "lib/sandbox/cgroup_parent.h"
#include "lib/sandbox/run.h"

namespace fumehood::sandbox {

// What becomes of a request's limits of memory and CPU where there are no cgroups.
enum class WithoutCgroups {
  kRefuseLimits,    // it is not run
  kLeaveOutLimits,  // it is run without them, and the result says so
};

using Cgroups = Result<std::unique_ptr<CgroupParent>>;

// An Error (kInvalid) where a value can't be.
Status CheckValues(const Limits& limits);

// Those of them that can be enforced here. An Error as of CheckValues, and one (kUnavailable) with the reason where one
// can't be and is not to be left out.
Result<Limits> Enforceable(const Limits& limits, const Cgroups& cgroups, WithoutCgroups without_cgroups);

// How many processes and threads of the host a sandbox may have that may have `pids` of its own. It is a backstop: a
// command can't get there, and if it did, the sandbox would die.
uint64_t HostProcessesFor(uint32_t pids);

// What can be told of a sandbox that waits only when its command comes: the backstop for its processes, and its share
// of the CPU; a slow start would help nobody.
Status LimitForCommand(CgroupControls& controls, const Limits& limits);

}  // namespace fumehood::sandbox
