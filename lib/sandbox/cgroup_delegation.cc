#include "lib/sandbox/cgroup_delegation.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <sstream>
#include <utility>

#include "lib/sandbox/cgroup_files.h"

namespace fumehood::sandbox {

namespace {

namespace fs = std::filesystem;

constexpr char kLeaf[] = "fumehood-leaf";

// Those of a cgroup that we use.
Result<std::vector<std::string>> ControllersOf(int directory) {
  const auto text = ReadCgroupFile(directory, "cgroup.controllers");
  if (!text) return FailErrno(errno, "read the controllers of a cgroup");
  std::vector<std::string> controllers;
  std::istringstream words(*text);
  for (std::string word; words >> word;) {
    if (word == "memory" || word == "cpu" || word == "pids") controllers.push_back(word);
  }
  if (controllers.empty())
    return Fail(ErrorCode::kUnavailable, "the cgroup has none of the controllers memory, cpu, pids");
  return controllers;
}

Result<Delegated> HandDownAll(UniqueFd directory) {
  auto controllers = ControllersOf(directory.get());
  if (!controllers) return Forward(std::move(controllers));
  if (Status handed = HandDown(directory.get(), *controllers); !handed) return Forward(std::move(handed));
  return Delegated{.directory = std::move(directory), .controllers = *std::move(controllers)};
}

// Only the machine's own root lacks this file, and only there processes and controllers go together.
bool IsMachinesRoot(int directory) { return faccessat(directory, "cgroup.type", F_OK, 0) != 0; }

Result<Delegated> DelegateFromLeaf(UniqueFd directory) {
  if (mkdirat(directory.get(), kLeaf, 0755) != 0 && errno != EEXIST)
    return FailErrno(errno, "make a leaf of our cgroup");
  const UniqueFd leaf = OpenCgroupDirectory(directory.get(), kLeaf);
  if (!leaf.valid()) return FailErrno(errno, "open the leaf of our cgroup");
  if (const int error_number = WriteCgroupFile(leaf.get(), "cgroup.procs", "0"); error_number != 0) {
    return FailErrno(error_number, "move into the leaf of our cgroup");
  }
  const int own = dup(directory.get());
  auto delegated = HandDownAll(std::move(directory));
  if (!delegated) {
    (void)WriteCgroupFile(own, "cgroup.procs", "0");
    unlinkat(own, kLeaf, AT_REMOVEDIR);
  }
  close(own);
  return delegated;
}

}  // namespace

Result<UniqueFd> OpenPath(int directory, const fs::path& path) {
  UniqueFd current = OpenCgroupDirectory(directory, "");
  for (const fs::path& part : path) {
    if (!current.valid()) break;
    if (mkdirat(current.get(), part.c_str(), 0755) != 0 && errno != EEXIST) {
      return FailErrno(errno, fmt::format("make the cgroup \"{}\"", path.string()));
    }
    current = OpenCgroupDirectory(current.get(), part.c_str());
  }
  if (!current.valid()) return FailErrno(errno, fmt::format("open the cgroup \"{}\"", path.string()));
  return current;
}

Status HandDown(int directory, const std::vector<std::string>& controllers) {
  std::string value;
  for (const std::string& controller : controllers) value += (value.empty() ? "+" : " +") + controller;
  const int error_number = WriteCgroupFile(directory, "cgroup.subtree_control", value);
  if (error_number == EBUSY) {
    return Fail(ErrorCode::kUnavailable, "hand down the controllers of a cgroup: there are processes in it");
  }
  if (error_number != 0) return FailErrno(error_number, "hand down the controllers of a cgroup");
  return {};
}

Result<Delegated> DelegatePath(int root, const fs::path& path) {
  auto delegated = HandDownAll(OpenCgroupDirectory(root, ""));
  for (const fs::path& part : path.relative_path()) {
    if (!delegated) break;
    auto next = OpenPath(delegated->directory.get(), part);
    if (!next) return Forward(std::move(next));
    delegated = HandDownAll(*std::move(next));
  }
  if (!delegated) return Wrap(delegated.error(), fmt::format("the cgroup \"{}\"", path.string()));
  return delegated;
}

Result<Delegated> Delegate(int root, const fs::path& own) {
  UniqueFd directory = OpenCgroupDirectory(root, own.c_str());
  if (!directory.valid()) return FailErrno(errno, fmt::format("open our cgroup \"/{}\"", own.string()));
  if (IsMachinesRoot(directory.get())) return HandDownAll(std::move(directory));
  auto delegated = DelegateFromLeaf(std::move(directory));
  if (delegated || !IsMachinesRoot(root)) return delegated;
  return HandDownAll(OpenCgroupDirectory(root, ""));
}

}  // namespace fumehood::sandbox
