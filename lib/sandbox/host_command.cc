#include "lib/sandbox/host_command.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <optional>
#include <string_view>
#include <utility>

#include "lib/base/unique_fd.h"
#include "lib/sandbox/output_pipe.h"
#include "lib/sandbox/pidfd.h"

namespace fumehood::sandbox {

namespace {

using namespace std::chrono_literals;

// What was told to end has so long before it is killed.
constexpr auto kEndingLimit = 10s;
// Outputs of what has ended are read so long at most: something that left the process group may hold them.
constexpr auto kDrainLimit = 2s;

// A file with `data`, to be read from its start.
Result<UniqueFd> MakeStdin(std::string_view data) {
  if (data.empty()) {
    UniqueFd null(open("/dev/null", O_RDONLY | O_CLOEXEC));
    if (!null.valid()) return FailErrno(errno, "open /dev/null");
    return null;
  }
  UniqueFd file(memfd_create("stdin", MFD_CLOEXEC));
  if (!file.valid()) return FailErrno(errno, "store the standard input");
  while (!data.empty()) {
    const ssize_t written = write(file.get(), data.data(), data.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return FailErrno(errno, "store the standard input");
    data.remove_prefix(static_cast<size_t>(written));
  }
  if (lseek(file.get(), 0, SEEK_SET) != 0) return FailErrno(errno, "store the standard input");
  return file;
}

// A child and its process group; both are gone when this goes away.
class Child {
 public:
  Child(pid_t pid, UniqueFd process) : pid_(pid), process_(std::move(process)) {}
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child() { KillAndReap(); }

  int process() const { return process_.get(); }

  // The wait status.
  int KillAndReap() {
    if (reaped_) return wait_status_;
    // While it is not reaped its number, which is also the group's, is its own.
    kill(-pid_, SIGKILL);
    while (waitpid(pid_, &wait_status_, 0) < 0 && errno == EINTR) {
    }
    reaped_ = true;
    return wait_status_;
  }

 private:
  const pid_t pid_;
  const UniqueFd process_;
  bool reaped_ = false;
  int wait_status_ = 0;
};

enum class Why { kEnded, kTimedOut, kStopped };

Result<Why> Wait(int process, int stop_event, OutputPipe& out, OutputPipe& err, SteadyTime deadline) {
  while (true) {
    pollfd events[] = {{.fd = stop_event, .events = POLLIN, .revents = 0},
                       {.fd = process, .events = POLLIN, .revents = 0},
                       out.Awaited(),
                       err.Awaited()};
    if (poll(events, std::size(events), PollTimeout(deadline)) < 0 && errno != EINTR) {
      return FailErrno(errno, "wait for a program");
    }
    if (events[2].revents != 0) out.Advance();
    if (events[3].revents != 0) err.Advance();
    if (events[1].revents != 0) return Why::kEnded;
    if (events[0].revents != 0 || out.reader_is_gone() || err.reader_is_gone()) return Why::kStopped;
    if (std::chrono::steady_clock::now() >= deadline) return Why::kTimedOut;
  }
}

}  // namespace

Result<std::variant<HostCommandResult, int>> RunHostCommand(const HostCommand& command,
                                                            const std::function<void()>& on_started,
                                                            std::stop_token stop) {
  auto in = MakeStdin(command.stdin_data);
  if (!in) return Forward(std::move(in));
  auto out = MakePipe();
  if (!out) return Forward(std::move(out));
  auto err = MakePipe();
  if (!err) return Forward(std::move(err));
  const UniqueFd stop_event(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!stop_event.valid() || !MakeNonBlocking(out->read_end.get()) || !MakeNonBlocking(err->read_end.get())) {
    return FailErrno(errno, "prepare the pipes of a program");
  }

  Program program = command.program;
  program.streams = {.in = in->get(), .out = out->write_end.get(), .err = err->write_end.get()};
  const auto pid = Spawn(program);
  if (!pid) return pid.error();
  UniqueFd process(pidfd_open(*pid, 0));
  const int error_number = errno;
  Child child(*pid, std::move(process));
  if (child.process() < 0) return FailErrno(error_number, fmt::format("watch \"{}\"", program.argv[0]));
  out->write_end.Reset();
  err->write_end.Reset();
  const SteadyTime started = std::chrono::steady_clock::now();
  if (on_started) on_started();

  OutputPipe stdout_pipe(out->read_end.get(), command.max_output_bytes, command.stdout_to);
  OutputPipe stderr_pipe(err->read_end.get(), command.max_output_bytes, command.stderr_to);
  const std::stop_callback wake(stop, [&stop_event] { eventfd_write(stop_event.get(), 1); });
  const auto why = Wait(child.process(), stop_event.get(), stdout_pipe, stderr_pipe, started + command.timeout);
  if (!why) return std::unexpected(why.error());
  const SteadyTime ended = std::chrono::steady_clock::now();
  if (*why != Why::kEnded && command.end_early) {
    command.end_early(*pid);
    (void)Wait(child.process(), -1, stdout_pipe, stderr_pipe, ended + kEndingLimit);
  }
  const int wait_status = child.KillAndReap();
  if (*why == Why::kStopped) {
    Drain(stdout_pipe, stderr_pipe, Patience::kLimited, -1, kDrainLimit);
  } else {
    Drain(stdout_pipe, stderr_pipe, Patience::kUntilTaken, stop_event.get(), kDrainLimit);
  }

  HostCommandResult result{.ending = HostEnded{wait_status},
                           .stdout_output = std::move(stdout_pipe).Take(),
                           .stderr_output = std::move(stderr_pipe).Take(),
                           .started = started,
                           .ended = ended};
  if (*why == Why::kTimedOut) result.ending = TimedOut{};
  if (*why == Why::kStopped) result.ending = Cancelled{};
  return result;
}

}  // namespace fumehood::sandbox
