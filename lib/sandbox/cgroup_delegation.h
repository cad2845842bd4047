// Where a process may have cgroups of its own.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "lib/base/result.h"
#include "lib/base/unique_fd.h"

namespace fumehood::sandbox {

// Opens the directory at `path`, relative to `directory`, and makes what is missing of it.
Result<UniqueFd> OpenPath(int directory, const std::filesystem::path& path);

// Everything below is version 2's, in which a cgroup has a controller only where its parent hands it down.

struct Delegated {
  UniqueFd directory;
  std::vector<std::string> controllers;  // handed down to its children, of "memory", "cpu" and "pids"
};

// Lets the children of a cgroup have these controllers.
Status HandDown(int directory, const std::vector<std::string>& controllers);

// The cgroup at `path` below the tree's root, ready to have children; what is missing of it is made.
Result<Delegated> DelegatePath(int root, const std::filesystem::path& path);

// Our own cgroup, of which `own` is the path, ready to have children: we move into a leaf of it. Where that doesn't do,
// because there are others with us, we stay and it is the machine's root, if `root` is it.
Result<Delegated> Delegate(int root, const std::filesystem::path& own);

}  // namespace fumehood::sandbox
