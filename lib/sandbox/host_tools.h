#pragma once

#include <filesystem>
#include <vector>

#include "lib/base/result.h"
#include "lib/sandbox/mount_point.h"

namespace fumehood::sandbox {

// The host's own programs as a root file system, for commands that need what is installed here: a list of directories
// that are allowed, read-only, and nothing else of the host. Never home directories, /etc, /var, /run or /srv.
class HostTools {
 public:
  // Fills `root`, a directory of ours. Needs CAP_SYS_ADMIN. What the host doesn't have is left out.
  static Result<HostTools> Open(const std::filesystem::path& root);

 private:
  std::vector<MountPoint> mounts_;
};

}  // namespace fumehood::sandbox
