#include "lib/sandbox/sandbox_directory.h"

#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <system_error>
#include <utility>

namespace fumehood::sandbox {

Result<SandboxDirectory> SandboxDirectory::Create(const std::filesystem::path& pool) {
  uint64_t random = 0;
  if (getrandom(&random, sizeof random, 0) != sizeof random) return FailErrno(errno, "name a sandbox");
  SandboxDirectory directory(pool / fmt::format("fumehood-{:016x}", random));
  for (const std::filesystem::path& path :
       {directory.path_, directory.late(), directory.repository(), directory.bundle(), directory.runtime_root()}) {
    if (mkdir(path.c_str(), 0755) != 0) return FailErrno(errno, fmt::format("make \"{}\"", path.string()));
  }
  return directory;
}

SandboxDirectory::SandboxDirectory(SandboxDirectory&& other) noexcept : path_(std::exchange(other.path_, {})) {}

SandboxDirectory::~SandboxDirectory() {
  if (!path_.empty()) Remove(path_);
}

void SandboxDirectory::Remove(const std::filesystem::path& path) {
  std::error_code ignored;
  std::filesystem::remove_all(path / kBundle, ignored);
  std::filesystem::remove_all(path / kRuntimeRoot, ignored);
  std::filesystem::remove(path / kPidFile, ignored);
  std::filesystem::remove(path / kMemoryInfo, ignored);
  // One by one: emptying a directory at which a repository is still mounted would empty the repository.
  rmdir((path / kRepository).c_str());
  for (const auto& other : std::filesystem::directory_iterator(path / kOthers, ignored)) rmdir(other.path().c_str());
  rmdir((path / kOthers).c_str());
  rmdir((path / kLate).c_str());
  rmdir(path.c_str());
}

}  // namespace fumehood::sandbox
