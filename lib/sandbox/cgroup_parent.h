#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/result.h"
#include "lib/base/unique_fd.h"
#include "lib/sandbox/cgroup.h"
#include "lib/sandbox/cgroup_location.h"

namespace fumehood::sandbox {

// The directory in which this process has the cgroups of its sandboxes, and their owner. Safe to use from several
// threads.
class CgroupParent {
 public:
  // Makes a directory of our own below `parent`, a path from the root of the mounted tree, whose missing parts are
  // made; or, where it is empty, below the cgroup that we are in. Removes what processes that no longer live have left
  // there.
  //
  // Version 2 wants no processes where controllers are handed down. So this process moves into a leaf beside the new
  // directory; where others are with us, the root of the machine's tree serves instead, if we may write there.
  // Call it before EnterContainment, which makes more processes.
  //
  // A read-only mount, as containers have it, is no hindrance to who has CAP_SYS_ADMIN. An Error says why there can be
  // no cgroups.
  static Result<std::unique_ptr<CgroupParent>> Open(const CgroupLocation& location,
                                                    const std::filesystem::path& parent);
  // The same, where the kernel says that we are.
  static Result<std::unique_ptr<CgroupParent>> Open(const std::filesystem::path& parent);
  CgroupParent(const CgroupParent&) = delete;
  CgroupParent& operator=(const CgroupParent&) = delete;
  ~CgroupParent();

  CgroupVersion version() const { return version_; }
  // Of our directory.
  const std::string& name() const { return name_; }
  // "memory", "cpu", "cpuacct" (version 1 only), "pids".
  bool Has(std::string_view controller) const;

  // A new cgroup without any limit. It must not outlive us.
  Result<Cgroup> Make(std::string name);

  // Where it is in one hierarchy.
  struct Branch {
    std::vector<std::string> controllers;
    UniqueFd base;
    UniqueFd own;  // in `base`
  };

 private:
  CgroupParent(CgroupVersion version, std::vector<Branch> branches, std::string name)
      : version_(version), branches_(std::move(branches)), name_(std::move(name)) {}

  const CgroupVersion version_;
  const std::vector<Branch> branches_;
  // "fumehood-" and a random number. While we live, its directory in the first branch is locked.
  const std::string name_;
};

}  // namespace fumehood::sandbox
