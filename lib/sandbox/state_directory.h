#pragma once

#include <filesystem>

#include "lib/base/result.h"
#include "lib/base/unique_fd.h"
#include "lib/sandbox/mount_point.h"

namespace fumehood::sandbox {

// Owns the directory in which a runner keeps everything of its sandboxes on the host: nothing in it is worth
// keeping after the runner's end. One runner at a time uses it. When it goes away, so does all that is
// mounted or stored in it.
class StateDirectory {
 public:
  // Makes the directory where it is missing, and sweeps what an earlier runner left there. `init` is the
  // program that becomes PID 1 of the sandboxes; it is copied. Needs CAP_SYS_ADMIN.
  static Result<StateDirectory> Open(const std::filesystem::path& path, const std::filesystem::path& init);
  StateDirectory(StateDirectory&&) = default;
  StateDirectory& operator=(StateDirectory&&) = delete;
  ~StateDirectory();

  // Makes a mount point in the layer, at that absolute path of the guest. Before an image is made with the layer.
  Status MakeMountPoint(const std::filesystem::path& guest_path);

  // The mount points and the init that every image gets, as a root file system that holds nothing else.
  std::filesystem::path layer() const { return path_ / "layer"; }
  // Each image, together with the layer.
  std::filesystem::path images() const { return path_ / "images"; }
  // The directories of the sandboxes: a shared mount, so that what is mounted here later reaches them.
  std::filesystem::path pool() const { return path_ / "pool"; }
  // What the runtime shares between its sandboxes.
  std::filesystem::path runtime_shared() const { return path_ / "shared"; }

 private:
  StateDirectory(std::filesystem::path path, UniqueFd lock) : path_(std::move(path)), lock_(std::move(lock)) {}
  Status Fill(const std::filesystem::path& init);
  // Unmounts and removes everything; never what is behind a mount.
  void Sweep();

  std::filesystem::path path_;
  UniqueFd lock_;
};

}  // namespace fumehood::sandbox
