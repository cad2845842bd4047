#include "lib/sandbox/cgroup_files.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

namespace fumehood::sandbox {

int WriteCgroupFile(int directory, const char* file, std::string_view text) {
  const UniqueFd fd(openat(directory, file, O_WRONLY | O_CLOEXEC));
  // A whole value is one write: the kernel takes each for a value of its own.
  if (!fd.valid() || write(fd.get(), text.data(), text.size()) < 0) return errno;
  return 0;
}

std::optional<std::string> ReadCgroupFile(int directory, const char* file) {
  const UniqueFd fd(openat(directory, file, O_RDONLY | O_CLOEXEC));
  if (!fd.valid()) return std::nullopt;
  std::string text;
  char buffer[4096];
  while (true) {
    const ssize_t got = read(fd.get(), buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return std::nullopt;
    if (got == 0) return text;
    text.append(buffer, static_cast<size_t>(got));
  }
}

UniqueFd OpenCgroupDirectory(int directory, const char* path) {
  return UniqueFd(openat(directory, *path == '\0' ? "." : path, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
}

}  // namespace fumehood::sandbox
