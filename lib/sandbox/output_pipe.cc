#include "lib/sandbox/output_pipe.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <iterator>

#include "lib/sandbox/child_process.h"

namespace fumehood::sandbox {

namespace {

constexpr size_t kReadSize = 64 * 1024;
// A pipe that poll(2) calls writable takes so many bytes without waiting.
constexpr size_t kCertainRoom = 4096;

// As write(2) of a descriptor that doesn't block, though this one may: the flag is not ours to set, since whoever gave
// it to us has it, too.
ssize_t WriteWithoutWaiting(int fd, std::string_view bytes) {
  iovec vector{.iov_base = const_cast<char*>(bytes.data()), .iov_len = bytes.size()};
  const ssize_t written = pwritev2(fd, &vector, 1, -1, RWF_NOWAIT);
  if (written >= 0 || errno != EOPNOTSUPP) return written;
  pollfd room{.fd = fd, .events = POLLOUT, .revents = 0};
  if (poll(&room, 1, 0) == 0) {
    errno = EAGAIN;
    return -1;
  }
  return write(fd, bytes.data(), std::min(bytes.size(), kCertainRoom));
}

}  // namespace

OutputPipe::OutputPipe(int fd, uint64_t max_bytes, int to) : fd_(fd), to_(to), capture_(max_bytes) {
  struct stat status{};
  to_is_file_ = to >= 0 && fstat(to, &status) == 0 && S_ISREG(status.st_mode);
}

pollfd OutputPipe::Awaited() const {
  if (IsHandingOn()) return {.fd = to_, .events = POLLOUT, .revents = 0};
  return {.fd = fd_, .events = POLLIN, .revents = 0};
}

void OutputPipe::Advance() {
  if (!IsHandingOn()) Read();
  HandOn();
}

void OutputPipe::Read() {
  if (fd_ < 0) return;
  buffer_.resize(kReadSize);
  const ssize_t got = read(fd_, buffer_.data(), buffer_.size());
  if (got > 0) {
    const std::string_view bytes(buffer_.data(), static_cast<size_t>(got));
    capture_.Append(bytes);
    if (to_ >= 0) unwritten_ = bytes;
  } else if (got == 0 || (errno != EAGAIN && errno != EINTR)) {
    fd_ = -1;
  }
}

void OutputPipe::HandOn() {
  while (!unwritten_.empty()) {
    const ssize_t written =
        to_is_file_ ? write(to_, unwritten_.data(), unwritten_.size()) : WriteWithoutWaiting(to_, unwritten_);
    if (written >= 0) {
      unwritten_.remove_prefix(static_cast<size_t>(written));
    } else if (errno == EAGAIN) {
      return;
    } else if (errno != EINTR) {
      to_ = -1;
      unwritten_ = {};
      reader_is_gone_ = true;
    }
  }
}

bool MakeNonBlocking(int fd) {
  const int flags = fcntl(fd, F_GETFL);
  return flags >= 0 && fcntl(fd, F_SETFL, flags | O_NONBLOCK) == 0;
}

void Drain(OutputPipe& out, OutputPipe& err, Patience patience, int stop_event, std::chrono::milliseconds limit) {
  using std::chrono::steady_clock;
  SteadyTime deadline = steady_clock::now() + limit;
  while (!out.HasEnded() || !err.HasEnded()) {
    const bool waits_for_reader = patience == Patience::kUntilTaken && (out.IsHandingOn() || err.IsHandingOn());
    pollfd events[] = {out.Awaited(), err.Awaited(), {.fd = stop_event, .events = POLLIN, .revents = 0}};
    const SteadyTime before = steady_clock::now();
    if (poll(events, std::size(events), waits_for_reader ? -1 : PollTimeout(deadline)) < 0 && errno != EINTR) return;
    if (waits_for_reader) deadline += steady_clock::now() - before;
    if (events[0].revents != 0) out.Advance();
    if (events[1].revents != 0) err.Advance();
    if (events[2].revents != 0 || steady_clock::now() >= deadline) return;
  }
}

}  // namespace fumehood::sandbox
