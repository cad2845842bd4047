#include "lib/sandbox/init/prepare.h"

#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <string>

namespace fumehood::sandbox::init {

namespace {

// What can't be made is there already, or the mount says why it isn't.
void MakeDirectories(const std::string& path) {
  for (size_t slash = path.find('/', 1); slash != std::string::npos; slash = path.find('/', slash + 1)) {
    mkdir(path.substr(0, slash).c_str(), 0755);
  }
  mkdir(path.c_str(), 0755);
}

}  // namespace

// Makes the repository writable by a layer in memory above it. Answers with the errno; 0 is success.
int MountEphemeralWorkspace(const HandOver& hand_over) {
  constexpr char kLayer[] = "/tmp/.workspace";
  constexpr char kUpper[] = "/tmp/.workspace/upper";
  constexpr char kWork[] = "/tmp/.workspace/work";
  const std::string size = "mode=0700,size=" + std::to_string(hand_over.scratch_bytes);
  const std::string layers =
      std::string("lowerdir=") + kLateRepositoryPath + ",upperdir=" + kUpper + ",workdir=" + kWork;
  if (mkdir(kLayer, 0700) != 0 || mount("tmpfs", kLayer, "tmpfs", MS_NOSUID | MS_NODEV, size.c_str()) != 0 ||
      mkdir(kUpper, 0755) != 0 || mkdir(kWork, 0700) != 0 || chown(kUpper, hand_over.uid, hand_over.gid) != 0 ||
      mount("overlay", kWorkspacePath, "overlay", MS_NOSUID | MS_NODEV, layers.c_str()) != 0) {
    return errno;
  }
  // The workspace keeps it; by its own path nobody shall find it.
  return umount2(kLayer, MNT_DETACH) == 0 && rmdir(kLayer) == 0 ? 0 : errno;
}

int MountWorkspace(const HandOver& hand_over) {
  switch (hand_over.workspace) {
    case Workspace::kReadOnly: break;
    case Workspace::kEphemeral: return MountEphemeralWorkspace(hand_over);
  }
  return mount(kLateRepositoryPath, kWorkspacePath, nullptr, MS_BIND | MS_RDONLY, nullptr) == 0 ? 0 : errno;
}

std::optional<NotStarted> Prepare(const HandOver& hand_over) {
  const std::string options = "mode=1777,size=" + std::to_string(hand_over.scratch_bytes);
  // The runtime gives /dev/shm to root alone, and neither of the two a size.
  for (const char* scratch : {"/tmp", "/dev/shm"}) {
    if (mount("tmpfs", scratch, "tmpfs", MS_NOSUID | MS_NODEV, options.c_str()) != 0) {
      return NotStarted{.stage = Stage::kScratch, .error_number = errno, .path = scratch};
    }
  }
  if (const int error_number = MountWorkspace(hand_over); error_number != 0) {
    return NotStarted{.stage = Stage::kWorkspace, .error_number = error_number, .path = kWorkspacePath};
  }
  // After the scratch space: they may lie in it.
  for (size_t number = 0; number < hand_over.others.size(); ++number) {
    const std::string& target = hand_over.others[number];
    const std::string source = std::string(kLateOthersPath) + "/" + std::to_string(number);
    MakeDirectories(target);
    if (mount(source.c_str(), target.c_str(), nullptr, MS_BIND | MS_RDONLY, nullptr) != 0) {
      return NotStarted{.stage = Stage::kOthers, .error_number = errno, .path = target};
    }
  }
  return std::nullopt;
}

}  // namespace fumehood::sandbox::init
