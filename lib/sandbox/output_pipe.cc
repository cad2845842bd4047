#include "lib/sandbox/output_pipe.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <iterator>

#include "lib/sandbox/child_process.h"

namespace fumehood::sandbox {

namespace {

constexpr size_t kReadSize = 64 * 1024;

}  // namespace

void OutputPipe::ReadOnce() {
  static thread_local std::array<char, kReadSize> buffer;
  if (fd_ < 0) return;
  const ssize_t got = read(fd_, buffer.data(), buffer.size());
  if (got > 0) {
    const std::string_view bytes(buffer.data(), static_cast<size_t>(got));
    capture_.Append(bytes);
    HandOn(bytes);
  } else if (got == 0 || (errno != EAGAIN && errno != EINTR)) {
    fd_ = -1;
  }
}

void OutputPipe::HandOn(std::string_view bytes) {
  while (to_ >= 0 && !bytes.empty()) {
    const ssize_t written = write(to_, bytes.data(), bytes.size());
    if (written >= 0) {
      bytes.remove_prefix(static_cast<size_t>(written));
    } else if (errno == EAGAIN) {
      pollfd room{.fd = to_, .events = POLLOUT, .revents = 0};
      poll(&room, 1, -1);
    } else if (errno != EINTR) {
      to_ = -1;
      reader_is_gone_ = true;
    }
  }
}

bool MakeNonBlocking(int fd) {
  const int flags = fcntl(fd, F_GETFL);
  return flags >= 0 && fcntl(fd, F_SETFL, flags | O_NONBLOCK) == 0;
}

void Drain(OutputPipe& out, OutputPipe& err, SteadyTime deadline) {
  while (out.fd() >= 0 || err.fd() >= 0) {
    pollfd events[] = {{.fd = out.fd(), .events = POLLIN, .revents = 0},
                       {.fd = err.fd(), .events = POLLIN, .revents = 0}};
    const int ready = poll(events, std::size(events), PollTimeout(deadline));
    if (ready < 0 && errno != EINTR) return;
    if (events[0].revents != 0) out.ReadOnce();
    if (events[1].revents != 0) err.ReadOnce();
    if (std::chrono::steady_clock::now() >= deadline) return;
  }
}

}  // namespace fumehood::sandbox
