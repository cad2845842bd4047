#include "lib/sandbox/cgroup_location.h"

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <sstream>
#include <utility>

namespace fumehood::sandbox {

namespace {

namespace fs = std::filesystem;

constexpr std::array<std::string_view, 4> kControllers = {"memory", "cpu", "cpuacct", "pids"};

std::vector<std::string> KnownOf(std::string_view list) {
  std::vector<std::string> known;
  std::istringstream words{std::string(list)};
  for (std::string word; std::getline(words, word, ',');) {
    if (std::ranges::find(kControllers, word) != kControllers.end()) known.push_back(word);
  }
  return known;
}

// Where `path`, as /proc/self/cgroup has it, is below a mount that shows the tree from `root` on.
std::optional<fs::path> BelowMount(const fs::path& path, const fs::path& root) {
  const fs::path below = path.lexically_relative(root);
  if (below.empty() || *below.begin() == "..") return std::nullopt;
  return below == "." ? fs::path() : below;
}

struct Mount {
  std::string root;
  std::string point;
  std::string type;
  std::string options;  // of the file system: the controllers are among them
};

std::vector<Mount> CgroupMounts(std::string_view mount_info) {
  std::vector<Mount> mounts;
  std::istringstream lines{std::string(mount_info)};
  for (std::string line; std::getline(lines, line);) {
    std::istringstream fields(line);
    Mount mount;
    std::string word;
    fields >> word >> word >> word >> mount.root >> mount.point >> word;
    // Any number of optional fields.
    while (fields >> word && word != "-") {
    }
    fields >> mount.type >> word >> mount.options;
    if (mount.type == "cgroup" || mount.type == "cgroup2") mounts.push_back(std::move(mount));
  }
  return mounts;
}

// By the list of controllers as it is written there: empty for version 2.
std::map<std::string, std::string> PathsByControllers(std::string_view own_cgroups) {
  std::map<std::string, std::string> paths;
  std::istringstream lines{std::string(own_cgroups)};
  for (std::string line; std::getline(lines, line);) {
    const size_t first = line.find(':');
    const size_t second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    paths.emplace(line.substr(first + 1, second - first - 1), line.substr(second + 1));
  }
  return paths;
}

std::vector<CgroupHierarchy> VersionOne(const std::vector<Mount>& mounts,
                                        const std::map<std::string, std::string>& paths) {
  std::vector<CgroupHierarchy> hierarchies;
  for (const auto& [list, path] : paths) {
    const std::vector<std::string> controllers = KnownOf(list);
    if (controllers.empty()) continue;
    for (const Mount& mount : mounts) {
      if (mount.type != "cgroup" || KnownOf(mount.options) != controllers) continue;
      const auto own = BelowMount(path, mount.root);
      if (!own) continue;
      hierarchies.push_back({.controllers = controllers, .mount_point = mount.point, .own = *own});
      break;
    }
  }
  return hierarchies;
}

}  // namespace

Result<CgroupLocation> LocateCgroups(std::string_view mount_info, std::string_view own_cgroups) {
  const std::vector<Mount> mounts = CgroupMounts(mount_info);
  const auto paths = PathsByControllers(own_cgroups);
  if (auto hierarchies = VersionOne(mounts, paths); !hierarchies.empty()) {
    return CgroupLocation{.version = CgroupVersion::kV1, .hierarchies = std::move(hierarchies)};
  }
  if (const auto path = paths.find(""); path != paths.end()) {
    for (const Mount& mount : mounts) {
      if (mount.type != "cgroup2") continue;
      if (auto own = BelowMount(path->second, mount.root)) {
        return CgroupLocation{.version = CgroupVersion::kV2,
                              .hierarchies = {{.mount_point = mount.point, .own = *std::move(own)}}};
      }
    }
  }
  return Fail(ErrorCode::kNotFound, "no cgroups are mounted here in which this process is");
}

}  // namespace fumehood::sandbox
