#include "lib/sandbox/repository.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <optional>
#include <string>
#include <utility>

#include "lib/sandbox/hand_over.h"
#include "lib/sandbox/relative_path.h"

namespace fumehood::sandbox {

namespace {

NotStarted Unavailable(std::string message) {
  return {.cause = NotStarted::Cause::kRepositoryUnavailable, .message = std::move(message)};
}

constexpr std::string_view kMapOwners = "map the owners of its files";

// The kernel gives up with EAGAIN when something was renamed while it looked, which says nothing about our
// path.
constexpr int kMaxTries = 64;

int OpenBeneath(int root, const std::string& path) {
  open_how how{};
  how.flags = O_PATH | O_DIRECTORY | O_CLOEXEC;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
  int fd = -1;
  for (int tries = 0; tries < kMaxTries; ++tries) {
    fd = static_cast<int>(syscall(SYS_openat2, root, path.c_str(), &how, sizeof how));
    if (fd >= 0 || (errno != EAGAIN && errno != EINTR)) break;
  }
  return fd;
}

Result<MountPoint> MountMapped(int directory, const std::filesystem::path& target, const struct stat& status,
                               OwnerMappings& mappings) {
  const auto mapping = mappings.ToCommandUser(status.st_uid, status.st_gid);
  if (!mapping) return Wrap(mapping.error(), kMapOwners);
  return MountReadOnly(directory, target, *mapping);
}

// `path` as it is named below `readable`; nothing where it isn't below it.
std::optional<std::string> BelowReadable(std::string_view readable, std::string_view path) {
  if (readable.empty()) return std::string(path);
  if (path == readable) return ".";
  if (!path.starts_with(readable) || path[readable.size()] != '/') return std::nullopt;
  return std::string(path.substr(readable.size() + 1));
}

}  // namespace

Result<std::variant<UniqueFd, NotStarted>> OpenRepository(int root, std::string_view readable, std::string_view path) {
  if (const std::string_view why = WhyNotCleanRelative(path); !why.empty()) {
    return Unavailable(fmt::format("the repository path \"{}\" can't be used: {}", path, why));
  }
  const auto below = BelowReadable(readable, path);
  if (!below) return Unavailable(fmt::format("the repository \"{}\" is not below \"{}\"", path, readable));
  UniqueFd base;
  if (!readable.empty()) base.Reset(OpenBeneath(root, std::string(readable)));
  // Without the base this opens nothing, and errno says why the base could not be opened.
  int fd = -1;
  if (readable.empty() || base.valid()) fd = OpenBeneath(readable.empty() ? root : base.get(), *below);
  if (fd >= 0) return UniqueFd(fd);
  switch (errno) {
    case ENOENT: return Unavailable(fmt::format("there is no repository \"{}\"", path));
    case ENOTDIR: return Unavailable(fmt::format("the repository \"{}\" is not a directory", path));
    case ELOOP:
      return Unavailable(fmt::format(
          "the repository \"{}\" is reached through a symbolic link, which is not followed; name its target", path));
    case EXDEV: return Unavailable(fmt::format("the repository \"{}\" is outside of the repository root", path));
    case EACCES: return Unavailable(fmt::format("the repository \"{}\" can't be accessed: permission denied", path));
    case ENAMETOOLONG: return Unavailable(fmt::format("the repository path \"{}\" is too long", path));
    case ENOSYS: return Fail(ErrorCode::kInternal, "open repository \"{}\": needs Linux 5.12 or newer", path);
    default: return FailErrno(errno, fmt::format("open repository \"{}\"", path));
  }
}

Result<MountPoint> MountReadOnly(int directory, const std::filesystem::path& target, int user_namespace) {
  // Recursive, because a clone without what is mounted below uncovers what those mounts hide.
  const UniqueFd tree(open_tree(directory, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE | AT_EMPTY_PATH));
  if (!tree.valid()) return FailErrno(errno, "clone its mount");
  if (user_namespace >= 0) {
    mount_attr mapping{};
    mapping.attr_set = MOUNT_ATTR_IDMAP;
    mapping.userns_fd = static_cast<uint64_t>(user_namespace);
    // All of it or nothing; and if not all, then what the repository itself is on.
    if (mount_setattr(tree.get(), "", AT_EMPTY_PATH | AT_RECURSIVE, &mapping, sizeof mapping) != 0 &&
        mount_setattr(tree.get(), "", AT_EMPTY_PATH, &mapping, sizeof mapping) != 0) {
      return FailErrno(errno, kMapOwners);
    }
  }
  mount_attr attributes{};
  attributes.attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV;
  attributes.propagation = MS_PRIVATE;
  // Before the tree is attached: mount(8) attaches first, and the sandbox's file server keeps a writable
  // mount.
  if (mount_setattr(tree.get(), "", AT_EMPTY_PATH | AT_RECURSIVE, &attributes, sizeof attributes) != 0) {
    return FailErrno(errno, "make its mount read-only");
  }
  if (move_mount(tree.get(), "", AT_FDCWD, target.c_str(), MOVE_MOUNT_F_EMPTY_PATH) != 0) {
    return FailErrno(errno, fmt::format("mount it at \"{}\"", target.string()));
  }
  return MountPoint(target);
}

Result<std::variant<MountPoint, NotStarted>> MountForCommand(int directory, const std::filesystem::path& target,
                                                             std::string_view name, RepositoryAccess access,
                                                             OwnerMappings& mappings) {
  struct stat status{};
  if (fstat(directory, &status) != 0) return FailErrno(errno, fmt::format("look at \"{}\"", name));
  if (status.st_uid != kCommandUser) {
    auto mapped = MountMapped(directory, target, status, mappings);
    if (mapped) return *std::move(mapped);
    const std::string& why = mapped.error().message;
    if (access == RepositoryAccess::kEphemeral) {
      return Unavailable(
          fmt::format("the command can't own the repository \"{}\", and so not write to it: {}", name, why));
    }
    constexpr mode_t kOthersReadAndEnter = 0005;
    if ((status.st_mode & kOthersReadAndEnter) != kOthersReadAndEnter) {
      return Unavailable(
          fmt::format("with mode {:04o} the repository \"{}\" is for its owner, which the command can't be: {}",
                      status.st_mode & 07777, name, why));
    }
  }
  Result<MountPoint> mounted = MountReadOnly(directory, target);
  if (!mounted) return Forward(std::move(mounted));
  return *std::move(mounted);
}

}  // namespace fumehood::sandbox
