#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/result.h"
#include "lib/base/unique_fd.h"
#include "lib/sandbox/cgroup_location.h"

namespace fumehood::sandbox {

// What the processes of a cgroup have used. Nothing where its controller is not there.
struct CgroupUsage {
  std::optional<std::chrono::microseconds> cpu = {};
  std::optional<uint64_t> peak_memory_bytes = {};
  // Processes that the kernel killed for lack of memory.
  uint64_t oom_kills = 0;
};

// How much of a busy CPU a cgroup gets beside others.
enum class CpuWeight {
  kOrdinary,  // as the kernel gives it
  kLow,       // a tenth of that
};

// The knobs and gauges of one cgroup. In version 1 it is a directory in each hierarchy, in version 2 a single one. An
// Error says which controller is missing, or what the kernel refused.
class CgroupControls {
 public:
  struct Directory {
    std::vector<std::string> controllers;
    UniqueFd fd;
  };
  // The same, borrowed.
  struct Place {
    std::vector<std::string> controllers;
    int fd = -1;
  };
  CgroupControls(CgroupVersion version, std::vector<Directory> directories)
      : version_(version), directories_(std::move(directories)) {}

  // Of memory proper and swap together. More is never given: a process is killed instead, in version 2 all of them.
  Status LimitMemory(uint64_t bytes);
  // 1000 is one CPU.
  Status LimitCpu(uint32_t millicores);
  Status WeighCpu(CpuWeight weight);
  // Of threads, to be exact.
  Status LimitProcesses(uint64_t count);

  // Counts the peak from now on, where the kernel can.
  void ForgetPeakMemory();
  CgroupUsage Usage() const;

  // Kills every process in it; those that are not in our PID namespace stay.
  void KillAll();

  bool Has(std::string_view controller) const { return DirectoryOf(controller) >= 0; }
  CgroupVersion version() const { return version_; }
  const std::vector<Directory>& directories() const { return directories_; }

 private:
  // -1 where it isn't there.
  int DirectoryOf(std::string_view controller) const;
  Status Write(std::string_view controller, const char* file, const std::string& value);

  CgroupVersion version_;
  std::vector<Directory> directories_;
};

}  // namespace fumehood::sandbox
