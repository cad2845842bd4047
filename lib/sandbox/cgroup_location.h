#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/result.h"

namespace fumehood::sandbox {

enum class CgroupVersion { kV1, kV2 };

// One tree of cgroups, and where in it this process is.
struct CgroupHierarchy {
  // Of those that we use: "memory", "cpu", "cpuacct", "pids". Version 2 has them in its files, see CgroupParent.
  std::vector<std::string> controllers = {};
  std::filesystem::path mount_point;
  std::filesystem::path own;  // relative to the mount point

  bool operator==(const CgroupHierarchy&) const = default;
};

struct CgroupLocation {
  CgroupVersion version = CgroupVersion::kV2;
  // Of version 1 those with a controller that we use, each of which is there once; of version 2 the only one.
  std::vector<CgroupHierarchy> hierarchies;

  bool operator==(const CgroupLocation&) const = default;
};

// Finds them in the texts of /proc/self/mountinfo and /proc/self/cgroup. A machine with both versions has its
// controllers in version 1. An Error (kNotFound) where no cgroups are mounted, or none in which this process is.
Result<CgroupLocation> LocateCgroups(std::string_view mount_info, std::string_view own_cgroups);

}  // namespace fumehood::sandbox
