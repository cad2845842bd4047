#include "lib/sandbox/limits.h"

#include <string_view>

namespace fumehood::sandbox {

namespace {

// gVisor dies where it can't have a thread, so a command must never get there: RLIMIT_NPROC stops it before. A guest's
// process or thread is two of the host, and two more while it tries to make another; those that end take their time: a
// fork bomb was seen with 4.3 for each. An idle sandbox and its start need some dozens.
constexpr uint64_t kHostProcessesForOne = 8;
constexpr uint64_t kHostProcessesForNone = 128;

Status CheckController(const Cgroups& cgroups, std::string_view controller, std::string_view what) {
  if (!cgroups) return Fail(ErrorCode::kUnavailable, "{} can't be limited here: {}", what, cgroups.error().message);
  if (!(*cgroups)->Has(controller)) {
    return Fail(ErrorCode::kUnavailable, "{} can't be limited here: there is no cgroup controller \"{}\" for us", what,
                controller);
  }
  return {};
}

}  // namespace

Status CheckValues(const Limits& limits) {
  if (limits.memory_bytes && *limits.memory_bytes < kMinMemoryBytes) {
    return Fail(ErrorCode::kInvalid, "a memory limit of {} bytes is too small: a sandbox needs {} at least",
                *limits.memory_bytes, kMinMemoryBytes);
  }
  if (limits.cpu_millicores && *limits.cpu_millicores < kMinCpuMillicores) {
    return Fail(ErrorCode::kInvalid, "a CPU limit of {}m is too small: {}m is the least", *limits.cpu_millicores,
                kMinCpuMillicores);
  }
  if (limits.pids == 0) return Fail(ErrorCode::kInvalid, "with a limit of 0 processes there can't be a command");
  if (limits.scratch_bytes == 0) return Fail(ErrorCode::kInvalid, "scratch space can't have a size of 0");
  return {};
}

Status CheckLimits(const Limits& limits, const Cgroups& cgroups) {
  if (Status valid = CheckValues(limits); !valid) return valid;
  if (limits.memory_bytes) {
    if (Status can = CheckController(cgroups, "memory", "memory"); !can) return can;
  }
  if (limits.cpu_millicores) {
    if (Status can = CheckController(cgroups, "cpu", "CPU time"); !can) return can;
  }
  return {};
}

uint64_t HostProcessesFor(uint32_t pids) { return kHostProcessesForOne * pids + kHostProcessesForNone; }

Status LimitForCommand(CgroupControls& controls, const Limits& limits) {
  controls.ForgetPeakMemory();
  // The init's count is what is promised; so without this controller nothing is refused.
  if (limits.pids && controls.Has("pids")) {
    if (Status limited = controls.LimitProcesses(HostProcessesFor(*limits.pids)); !limited) return limited;
  }
  return limits.cpu_millicores ? controls.LimitCpu(*limits.cpu_millicores) : Status();
}

}  // namespace fumehood::sandbox
