#pragma once

#include <filesystem>

#include "lib/base/result.h"

namespace fumehood::sandbox {

// Owns what is mounted at a path, and unmounts it when it goes away, also while it is in use (MNT_DETACH).
// Movable.
class [[nodiscard]] MountPoint {
 public:
  MountPoint() = default;
  // `path` is where something has just been mounted.
  explicit MountPoint(std::filesystem::path path) : path_(std::move(path)) {}
  MountPoint(MountPoint&& other) noexcept : path_(std::exchange(other.path_, {})) {}
  MountPoint& operator=(MountPoint&& other) noexcept {
    if (this != &other) {
      Unmount();
      path_ = std::exchange(other.path_, {});
    }
    return *this;
  }
  ~MountPoint() { Unmount(); }

  // Nothing happens when nothing is mounted any more.
  void Unmount();

 private:
  std::filesystem::path path_;
};

// Unmounts everything that this process sees mounted below `directory`, the last mounted first. `directory`
// itself is left as it is.
Status UnmountBelow(const std::filesystem::path& directory);

}  // namespace fumehood::sandbox
