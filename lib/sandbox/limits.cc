#include "lib/sandbox/limits.h"

#include <string_view>
#include <utility>

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

Result<Limits> Enforceable(const Limits& limits, const Cgroups& cgroups, WithoutCgroups without_cgroups) {
  if (Status valid = CheckValues(limits); !valid) return Forward(std::move(valid));
  Limits enforceable = limits;
  if (limits.memory_bytes) {
    Status can = CheckController(cgroups, "memory", "memory");
    if (!can && without_cgroups == WithoutCgroups::kRefuseLimits) return Forward(std::move(can));
    if (!can) enforceable.memory_bytes.reset();
  }
  if (limits.cpu_millicores) {
    Status can = CheckController(cgroups, "cpu", "CPU time");
    if (!can && without_cgroups == WithoutCgroups::kRefuseLimits) return Forward(std::move(can));
    if (!can) enforceable.cpu_millicores.reset();
  }
  return enforceable;
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
