#include "lib/sandbox/cgroup_controls.h"

#include <signal.h>
#include <sys/types.h>

#include <algorithm>
#include <charconv>
#include <sstream>

#include "lib/sandbox/cgroup_files.h"

namespace fumehood::sandbox {

namespace {

constexpr uint64_t kCpuPeriodMicroseconds = 100'000;

std::optional<uint64_t> Number(std::string_view text) {
  uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc()) return std::nullopt;
  return number;
}

std::optional<uint64_t> ReadNumber(int directory, const char* file) {
  if (directory < 0) return std::nullopt;
  const auto text = ReadCgroupFile(directory, file);
  return text ? Number(*text) : std::nullopt;
}

// A file of lines "name number".
std::optional<uint64_t> ReadNamed(int directory, const char* file, std::string_view name) {
  if (directory < 0) return std::nullopt;
  const auto text = ReadCgroupFile(directory, file);
  if (!text) return std::nullopt;
  std::istringstream lines(*text);
  for (std::string word, number; lines >> word >> number;) {
    if (word == name) return Number(number);
  }
  return std::nullopt;
}

}  // namespace

int CgroupControls::DirectoryOf(std::string_view controller) const {
  for (const Directory& directory : directories_) {
    if (std::ranges::find(directory.controllers, controller) != directory.controllers.end()) return directory.fd.get();
  }
  return -1;
}

Status CgroupControls::Write(std::string_view controller, const char* file, const std::string& value) {
  const int directory = DirectoryOf(controller);
  if (directory < 0) return Fail(ErrorCode::kUnavailable, "there is no cgroup controller \"{}\" for us", controller);
  if (const int error_number = WriteCgroupFile(directory, file, value); error_number != 0) {
    return FailErrno(error_number, fmt::format("write {} to the cgroup's {}", value, file));
  }
  return {};
}

Status CgroupControls::LimitMemory(uint64_t bytes) {
  const std::string value = std::to_string(bytes);
  if (version_ == CgroupVersion::kV1) {
    if (Status limited = Write("memory", "memory.limit_in_bytes", value); !limited) return limited;
    // It isn't there where the kernel doesn't count swap.
    (void)Write("memory", "memory.memsw.limit_in_bytes", value);
    return {};
  }
  if (Status limited = Write("memory", "memory.max", value); !limited) return limited;
  (void)Write("memory", "memory.swap.max", "0");
  return Write("memory", "memory.oom.group", "1");
}

Status CgroupControls::LimitCpu(uint32_t millicores) {
  const uint64_t quota = millicores * kCpuPeriodMicroseconds / 1000;
  if (version_ == CgroupVersion::kV2) {
    return Write("cpu", "cpu.max", fmt::format("{} {}", quota, kCpuPeriodMicroseconds));
  }
  if (Status period = Write("cpu", "cpu.cfs_period_us", std::to_string(kCpuPeriodMicroseconds)); !period) return period;
  return Write("cpu", "cpu.cfs_quota_us", std::to_string(quota));
}

Status CgroupControls::WeighCpu(CpuWeight weight) {
  const bool low = weight == CpuWeight::kLow;
  return version_ == CgroupVersion::kV2 ? Write("cpu", "cpu.weight", low ? "10" : "100")
                                        : Write("cpu", "cpu.shares", low ? "102" : "1024");
}

Status CgroupControls::LimitProcesses(uint64_t count) { return Write("pids", "pids.max", std::to_string(count)); }

void CgroupControls::ForgetPeakMemory() {
  // Version 2 has it for each open file only, and in new kernels.
  if (version_ == CgroupVersion::kV1) (void)Write("memory", "memory.max_usage_in_bytes", "0");
}

CgroupUsage CgroupControls::Usage() const {
  using std::chrono::microseconds;
  using std::chrono::nanoseconds;
  CgroupUsage usage;
  const int memory = DirectoryOf("memory");
  if (version_ == CgroupVersion::kV1) {
    if (const auto cpu = ReadNumber(DirectoryOf("cpuacct"), "cpuacct.usage")) {
      usage.cpu = std::chrono::duration_cast<microseconds>(nanoseconds(*cpu));
    }
    usage.peak_memory_bytes = ReadNumber(memory, "memory.max_usage_in_bytes");
    usage.oom_kills = ReadNamed(memory, "memory.oom_control", "oom_kill").value_or(0);
    return usage;
  }
  // Counted without the controller, too.
  const int directory = directories_.front().fd.get();
  if (const auto cpu = ReadNamed(directory, "cpu.stat", "usage_usec")) usage.cpu = microseconds(*cpu);
  usage.peak_memory_bytes = ReadNumber(memory, "memory.peak");
  usage.oom_kills = ReadNamed(memory, "memory.events", "oom_kill").value_or(0);
  return usage;
}

void CgroupControls::KillAll() {
  if (version_ == CgroupVersion::kV2 && WriteCgroupFile(directories_.front().fd.get(), "cgroup.kill", "1") == 0) return;
  for (const Directory& directory : directories_) {
    std::istringstream processes(ReadCgroupFile(directory.fd.get(), "cgroup.procs").value_or(""));
    // One of another PID namespace is 0, which kill(2) takes for ourselves.
    for (pid_t pid = 0; processes >> pid;) {
      if (pid > 0) kill(pid, SIGKILL);
    }
  }
}

}  // namespace fumehood::sandbox
