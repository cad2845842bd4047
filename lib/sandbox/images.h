#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "lib/base/result.h"
#include "lib/sandbox/host_tools.h"
#include "lib/sandbox/mount_point.h"

namespace fumehood::sandbox {

// Where root file systems come from: a folder with one per directory, each known by the directory's name; or one
// directory alone, known as "default"; or the host's own programs (HostTools), known as "host".
struct ImagesFolder {
  std::filesystem::path path;
};
struct ImageDirectory {
  std::filesystem::path path;
};
struct HostPrograms {};
using ImageSource = std::variant<ImagesFolder, ImageDirectory, HostPrograms>;

// The root file systems that commands can ask for, by their names. Each is mounted read-only together with our layer,
// so that a directory is never written to and needs no preparation. Invariants: what Find answers stays mounted while
// this lives; after Open nothing changes.
class Images {
 public:
  struct Refused {
    std::string name;
    std::string reason;
  };

  // Looks at the source once. An image of a folder that can't be used is refused with its reason; an Error means that
  // the folder can't be read, or the only image not be used. `layer` and `mounts` are directories of ours
  // (StateDirectory).
  static Result<Images> Open(const ImageSource& source, const std::filesystem::path& layer,
                             const std::filesystem::path& mounts);

  // The root file system of an image, or nullptr.
  const std::filesystem::path* Find(const std::string& name) const;
  // In alphabetical order.
  std::vector<std::string> names() const;
  const std::vector<Refused>& refused() const { return refused_; }

 private:
  struct Image {
    std::filesystem::path root;
    MountPoint mount;  // nothing for the host's programs
  };
  Status Add(const std::string& name, const std::filesystem::path& directory, const std::filesystem::path& layer,
             const std::filesystem::path& mounts);
  Status AddFolder(const std::filesystem::path& folder, const std::filesystem::path& layer,
                   const std::filesystem::path& mounts);

  std::map<std::string, Image> offered_;
  std::vector<Refused> refused_;
  std::optional<HostTools> host_tools_;
};

}  // namespace fumehood::sandbox
