#include "lib/sandbox/init/prepare.h"

#include <sys/mount.h>
#include <sys/stat.h>

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

std::optional<NotStarted> Prepare(const HandOver& hand_over) {
  if (mount(kLateRepositoryPath, kWorkspacePath, nullptr, MS_BIND | MS_RDONLY, nullptr) != 0) {
    return NotStarted{.stage = Stage::kWorkspace, .error_number = errno, .path = kWorkspacePath};
  }
  const std::string options = "mode=1777,size=" + std::to_string(hand_over.scratch_bytes);
  // The runtime gives /dev/shm to root alone, and neither of the two a size.
  for (const char* scratch : {"/tmp", "/dev/shm"}) {
    if (mount("tmpfs", scratch, "tmpfs", MS_NOSUID | MS_NODEV, options.c_str()) != 0) {
      return NotStarted{.stage = Stage::kScratch, .error_number = errno, .path = scratch};
    }
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
