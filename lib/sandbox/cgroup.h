#pragma once

#include <memory>
#include <string>
#include <vector>

#include "lib/base/result.h"
#include "lib/base/unique_fd.h"
#include "lib/sandbox/cgroup_controls.h"

namespace fumehood::sandbox {

// How a new process becomes a member of a cgroup. Borrowed descriptors.
struct CgroupEntrance {
  // Version 2: a directory for clone3(CLONE_INTO_CGROUP); -1: none.
  int directory = -1;
  // Version 1: into each of these the process writes "0" while it has one thread. (What moves a whole process waits
  // until every CPU of the machine has passed a quiet moment, 5 ms and more.)
  std::vector<int> tasks = {};
};

// Owns one cgroup: kills what is left in it and removes it when it goes away. Movable.
class Cgroup {
 public:
  // A new one without any limit, in a directory of each hierarchy; these are borrowed and must outlive it.
  static Result<Cgroup> Make(CgroupVersion version, std::vector<CgroupControls::Place> parents, std::string name);
  Cgroup(Cgroup&& other) noexcept = default;
  Cgroup& operator=(Cgroup&&) = delete;
  ~Cgroup();

  CgroupControls& controls() { return controls_; }
  CgroupEntrance entrance() const;

 private:
  Cgroup(std::vector<int> parents, std::string name, CgroupControls controls, std::vector<UniqueFd> tasks)
      : parents_(std::move(parents)),
        name_(std::move(name)),
        controls_(std::move(controls)),
        tasks_(std::move(tasks)) {}

  std::vector<int> parents_;  // empty once moved from
  std::string name_;
  CgroupControls controls_;
  std::vector<UniqueFd> tasks_;
};

// Removes `name` from a directory of one hierarchy, as the destructor does.
void RemoveCgroup(CgroupVersion version, int parent, const std::string& name);

}  // namespace fumehood::sandbox
