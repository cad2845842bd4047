#include "lib/sandbox/cgroup_parent.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <set>
#include <sstream>
#include <utility>

#include "lib/sandbox/cgroup_delegation.h"
#include "lib/sandbox/cgroup_files.h"

namespace fumehood::sandbox {

namespace {

namespace fs = std::filesystem;
using Branch = CgroupParent::Branch;

constexpr std::string_view kPrefix = "fumehood-";
constexpr size_t kNumberLength = 16;

bool IsNameOfAParent(std::string_view name) {
  if (!name.starts_with(kPrefix) || name.size() != kPrefix.size() + kNumberLength) return false;
  return name.find_first_not_of("0123456789abcdef", kPrefix.size()) == std::string_view::npos;
}

// The mount's root directory, writable also where the mount isn't: then through a copy of it that nobody else sees.
Result<UniqueFd> OpenMount(const fs::path& mount_point) {
  const auto fail = [&] { return FailErrno(errno, fmt::format("open the cgroups at \"{}\"", mount_point.string())); };
  UniqueFd directory = OpenCgroupDirectory(AT_FDCWD, mount_point.c_str());
  if (!directory.valid()) return fail();
  struct statvfs status{};
  if (fstatvfs(directory.get(), &status) != 0) return fail();
  if ((status.f_flag & ST_RDONLY) == 0) return directory;
  const UniqueFd copy(open_tree(directory.get(), "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH));
  mount_attr attributes{};
  attributes.attr_clr = MOUNT_ATTR_RDONLY;
  if (!copy.valid() || mount_setattr(copy.get(), "", AT_EMPTY_PATH, &attributes, sizeof attributes) != 0) return fail();
  directory = OpenCgroupDirectory(copy.get(), "");
  if (!directory.valid()) return fail();
  return directory;
}

std::vector<std::string> ChildrenOf(int directory) {
  std::vector<std::string> names;
  DIR* stream = fdopendir(OpenCgroupDirectory(directory, "").Release());
  if (stream == nullptr) return names;
  while (const dirent* entry = readdir(stream)) {
    const std::string_view name = entry->d_name;
    if (entry->d_type == DT_DIR && name != "." && name != "..") names.emplace_back(name);
  }
  closedir(stream);
  return names;
}

// One of them: its sandboxes' cgroups and itself, with all that is in them.
void RemoveParent(CgroupVersion version, const std::vector<Branch>& branches, const std::string& name) {
  // From the last on: while the first is there, it tells whose all of it is.
  for (auto branch = branches.rbegin(); branch != branches.rend(); ++branch) {
    const UniqueFd own = OpenCgroupDirectory(branch->base.get(), name.c_str());
    if (!own.valid()) continue;
    for (const std::string& child : ChildrenOf(own.get())) {
      RemoveCgroup(version, own.get(), child);
    }
    RemoveCgroup(version, branch->base.get(), name);
  }
}

// Whether its owner no longer lives.
bool IsAbandoned(const std::vector<Branch>& branches, const std::string& name) {
  const UniqueFd first = OpenCgroupDirectory(branches.front().base.get(), name.c_str());
  return !first.valid() || flock(first.get(), LOCK_EX | LOCK_NB) == 0;
}

void Sweep(CgroupVersion version, const std::vector<Branch>& branches) {
  std::set<std::string> names;
  for (const Branch& branch : branches) {
    for (std::string& name : ChildrenOf(branch.base.get())) {
      if (IsNameOfAParent(name)) names.insert(std::move(name));
    }
  }
  for (const std::string& name : names) {
    if (IsAbandoned(branches, name)) RemoveParent(version, branches, name);
  }
}

Result<std::vector<Branch>> OpenBases(const CgroupLocation& location, const fs::path& parent) {
  std::vector<Branch> branches;
  for (const CgroupHierarchy& hierarchy : location.hierarchies) {
    Result<UniqueFd> mount = OpenMount(hierarchy.mount_point);
    if (!mount) return Forward(std::move(mount));
    if (location.version == CgroupVersion::kV2) {
      auto base = parent.empty() ? Delegate(mount->get(), hierarchy.own) : DelegatePath(mount->get(), parent);
      if (!base) return Forward(std::move(base));
      branches.push_back({.controllers = std::move(base->controllers), .base = std::move(base->directory), .own = {}});
      continue;
    }
    auto base = OpenPath(mount->get(), parent.empty() ? hierarchy.own : parent.relative_path());
    if (!base) return Wrap(base.error(), hierarchy.mount_point.string());
    branches.push_back({.controllers = hierarchy.controllers, .base = *std::move(base), .own = {}});
  }
  return branches;
}

// Makes `name` in all of them, the first one locked.
Status MakeOwn(CgroupVersion version, std::vector<Branch>& branches, const std::string& name) {
  for (Branch& branch : branches) {
    if (mkdirat(branch.base.get(), name.c_str(), 0755) != 0) {
      return FailErrno(errno, fmt::format("make the cgroup \"{}\" for {}", name, branch.controllers.front()));
    }
    branch.own = OpenCgroupDirectory(branch.base.get(), name.c_str());
    if (!branch.own.valid()) return FailErrno(errno, fmt::format("open the cgroup \"{}\"", name));
    if (&branch == &branches.front() && flock(branch.own.get(), LOCK_EX | LOCK_NB) != 0) {
      return FailErrno(errno, fmt::format("lock the cgroup \"{}\"", name));
    }
    if (version == CgroupVersion::kV2) {
      if (Status handed = HandDown(branch.own.get(), branch.controllers); !handed) return handed;
    }
  }
  // Somebody's sweep may have come between its making and its lock.
  struct stat status{};
  if (fstatat(branches.front().base.get(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) {
    return FailErrno(errno, fmt::format("find the cgroup \"{}\" again", name));
  }
  return {};
}

std::string ReadText(const char* path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

}  // namespace

Result<std::unique_ptr<CgroupParent>> CgroupParent::Open(const CgroupLocation& location, const fs::path& parent) {
  auto branches = OpenBases(location, parent);
  if (!branches) return Forward(std::move(branches));
  Sweep(location.version, *branches);
  uint64_t random = 0;
  if (getrandom(&random, sizeof random, 0) != sizeof random) return FailErrno(errno, "name a cgroup");
  std::string name = fmt::format("{}{:0{}x}", kPrefix, random, kNumberLength);
  if (Status made = MakeOwn(location.version, *branches, name); !made) {
    RemoveParent(location.version, *branches, name);
    return Forward(std::move(made));
  }
  return std::unique_ptr<CgroupParent>(new CgroupParent(location.version, *std::move(branches), std::move(name)));
}

Result<std::unique_ptr<CgroupParent>> CgroupParent::Open(const fs::path& parent) {
  const auto location = LocateCgroups(ReadText("/proc/self/mountinfo"), ReadText("/proc/self/cgroup"));
  if (!location) return std::unexpected(location.error());
  return Open(*location, parent);
}

CgroupParent::~CgroupParent() { RemoveParent(version_, branches_, name_); }

bool CgroupParent::Has(std::string_view controller) const {
  return std::ranges::any_of(branches_, [controller](const Branch& branch) {
    return std::ranges::find(branch.controllers, controller) != branch.controllers.end();
  });
}

Result<Cgroup> CgroupParent::Make(std::string name) {
  std::vector<CgroupControls::Place> parents;
  for (const Branch& branch : branches_) {
    parents.push_back({.controllers = branch.controllers, .fd = branch.own.get()});
  }
  return Cgroup::Make(version_, std::move(parents), std::move(name));
}

}  // namespace fumehood::sandbox
