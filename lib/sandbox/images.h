#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "lib/base/result.h"
#include "lib/sandbox/mount_point.h"

namespace fumehood::sandbox {

// The root file systems that commands can ask for: one per directory in the images folder, by its name. Each
// is mounted read-only together with our layer, so that the folder itself is never written to and needs no
// preparation. Invariants: what Find answers stays mounted while this lives; after Open nothing changes.
class Images {
 public:
  struct Refused {
    std::string name;
    std::string reason;
  };

  // Looks at the folder once. An image that can't be used is refused with its reason; an Error means that the
  // folder can't be read. `layer` and `mounts` are directories of ours (StateDirectory).
  static Result<Images> Open(const std::filesystem::path& folder, const std::filesystem::path& layer,
                             const std::filesystem::path& mounts);

  // The root file system of an image, or nullptr.
  const std::filesystem::path* Find(const std::string& name) const;
  // In alphabetical order.
  std::vector<std::string> names() const;
  const std::vector<Refused>& refused() const { return refused_; }

 private:
  struct Image {
    std::filesystem::path root;
    MountPoint mount;
  };
  std::map<std::string, Image> offered_;
  std::vector<Refused> refused_;
};

}  // namespace fumehood::sandbox
