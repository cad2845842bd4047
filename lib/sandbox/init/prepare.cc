#include "lib/sandbox/init/prepare.h"

#include <sys/mount.h>

#include <cerrno>
#include <string>

namespace fumehood::sandbox::init {

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
  return std::nullopt;
}

}  // namespace fumehood::sandbox::init
