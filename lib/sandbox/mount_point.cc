#include "lib/sandbox/mount_point.h"

#include <sys/mount.h>

#include <cerrno>
#include <fstream>
#include <ranges>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

namespace fumehood::sandbox {

namespace {

constexpr char kMountInfo[] = "/proc/self/mountinfo";

// The kernel writes space, tab, newline and backslash as a backslash and three octal digits.
std::string Unescape(std::string_view text) {
  std::string plain;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 3 < text.size()) {
      const int value = (text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 + (text[i + 3] - '0');
      plain.push_back(static_cast<char>(value));
      i += 3;
    } else {
      plain.push_back(text[i]);
    }
  }
  return plain;
}

}  // namespace

void MountPoint::Unmount() {
  if (!path_.empty()) umount2(path_.c_str(), MNT_DETACH | UMOUNT_NOFOLLOW);
  path_.clear();
}

Status UnmountBelow(const std::filesystem::path& directory) {
  const std::string prefix = directory.lexically_normal().string() + "/";
  std::vector<std::string> mounted;
  std::ifstream mount_info(kMountInfo);
  if (!mount_info) return Fail(ErrorCode::kUnavailable, "read {}: is /proc mounted?", kMountInfo);
  std::string line;
  while (std::getline(mount_info, line)) {
    std::istringstream fields(line);
    std::string id, parent, device, root, point;
    if (!(fields >> id >> parent >> device >> root >> point)) continue;
    point = Unescape(point);
    if (point.starts_with(prefix)) mounted.push_back(point);
  }
  for (const std::string& point : mounted | std::views::reverse) {
    if (umount2(point.c_str(), MNT_DETACH | UMOUNT_NOFOLLOW) != 0 && errno != EINVAL && errno != ENOENT) {
      return FailErrno(errno, fmt::format("unmount \"{}\"", point));
    }
  }
  return {};
}

}  // namespace fumehood::sandbox
