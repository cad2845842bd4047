#include "lib/base/unique_fd.h"

#include <unistd.h>

namespace fumehood {

void UniqueFd::Reset(int fd) {
  // close() is never repeated: on Linux the descriptor is gone even after EINTR, and may be another thread's by then.
  if (fd_ >= 0) close(fd_);
  fd_ = fd;
}

}  // namespace fumehood
