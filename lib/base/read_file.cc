#include "lib/base/read_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "lib/base/unique_fd.h"

namespace fumehood {

Result<std::string> ReadFile(const std::filesystem::path& file, size_t max_bytes) {
  const UniqueFd fd(open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
  if (!fd.valid()) return FailErrno(errno, fmt::format("open \"{}\"", file.native()));
  std::string content;
  std::array<char, 16 * 1024> buffer;
  while (true) {
    const ssize_t count = read(fd.get(), buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return FailErrno(errno, fmt::format("read \"{}\"", file.native()));
    if (count == 0) return content;
    content.append(buffer.data(), static_cast<size_t>(count));
    if (content.size() > max_bytes) {
      return Fail(ErrorCode::kTooLarge, "read \"{}\": it is larger than {} bytes", file.native(), max_bytes);
    }
  }
}

}  // namespace fumehood
