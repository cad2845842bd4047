#include "lib/sandbox/containment.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <optional>
#include <system_error>
#include <utility>

#include "lib/base/unique_fd.h"
#include "lib/sandbox/child_process.h"

namespace fumehood::sandbox {

namespace {

constexpr int kForwarded[] = {SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2};

// Signals are read from a descriptor instead of interrupting.
struct BlockedSignals {
  sigset_t before;
  UniqueFd events;
};

Result<BlockedSignals> BlockSignals() {
  sigset_t blocked;
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGCHLD);
  for (const int signal : kForwarded) sigaddset(&blocked, signal);
  BlockedSignals signals;
  if (sigprocmask(SIG_BLOCK, &blocked, &signals.before) != 0) return FailErrno(errno, "block signals");
  signals.events.Reset(signalfd(-1, &blocked, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!signals.events.valid()) return FailErrno(errno, "make a signal descriptor");
  return signals;
}

int ToExitCode(int wait_status) {
  return WIFSIGNALED(wait_status) ? 128 + WTERMSIG(wait_status) : WEXITSTATUS(wait_status);
}

// Reaps everything that has ended; the wait status of `child` when it is among it.
std::optional<int> ReapAll(pid_t child) {
  std::optional<int> found;
  int wait_status = 0;
  while (true) {
    const pid_t pid = waitpid(-1, &wait_status, WNOHANG);
    if (pid < 0 && errno == EINTR) continue;
    if (pid <= 0) return found;
    if (pid == child) found = wait_status;
  }
}

void ForwardSignals(int events, pid_t child) {
  signalfd_siginfo signal;
  while (read(events, &signal, sizeof signal) == sizeof signal) {
    if (signal.ssi_signo == SIGCHLD) continue;
    // A terminal's ^C goes to all of us anyway, and twice is not the same as once.
    if (signal.ssi_code == SI_KERNEL) continue;
    kill(child, static_cast<int>(signal.ssi_signo));
  }
}

// Waits for `child` and exits as it did; earlier when the pipe `parent` has no writer any more. -1 is no
// pipe.
[[noreturn]] void ExitWith(pid_t child, int events, int parent) {
  while (true) {
    pollfd watched[] = {{.fd = events, .events = POLLIN, .revents = 0}, {.fd = parent, .events = 0, .revents = 0}};
    poll(watched, std::size(watched), -1);
    if (watched[1].revents != 0) _exit(128 + SIGKILL);
    ForwardSignals(events, child);
    if (const std::optional<int> wait_status = ReapAll(child)) _exit(ToExitCode(*wait_status));
  }
}

// In the reaper: makes the world in which the program will live.
Status MakeOwnWorld(const std::filesystem::path& state) {
  if (unshare(CLONE_NEWNS) != 0) return FailErrno(errno, "make a mount namespace");
  if (mount(nullptr, "/", nullptr, MS_REC | MS_SLAVE, nullptr) != 0) {
    return FailErrno(errno, "keep our mounts to ourselves");
  }
  if (mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, nullptr) != 0) {
    return FailErrno(errno, "mount /proc for our PID namespace");
  }
  if (mount("tmpfs", state.c_str(), "tmpfs", MS_NOSUID | MS_NODEV, "mode=0711") != 0) {
    return FailErrno(errno, fmt::format("mount a tmpfs at \"{}\"", state.string()));
  }
  return {};
}

bool IsClosed(int parent) {
  pollfd watched{.fd = parent, .events = 0, .revents = 0};
  return poll(&watched, 1, 0) > 0;
}

}  // namespace

Status EnterContainment(const std::filesystem::path& state) {
  std::error_code error;
  std::filesystem::create_directories(state, error);
  if (error) return FailErrno(error.value(), fmt::format("make state directory \"{}\"", state.string()));
  Result<BlockedSignals> outer_signals = BlockSignals();
  if (!outer_signals) return Forward(std::move(outer_signals));
  Result<Pipe> alive = MakePipe();
  if (!alive) return Forward(std::move(alive));

  if (unshare(CLONE_NEWPID) != 0) {
    return FailErrno(errno, "make a PID namespace (this needs root with CAP_SYS_ADMIN)");
  }
  const pid_t reaper = fork();
  if (reaper < 0) return FailErrno(errno, "start the reaper");
  if (reaper > 0) ExitWith(reaper, outer_signals->events.get(), -1);

  // The reaper. Its parent may have died before it asked to die with it: then nobody holds the pipe any more.
  prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  alive->write_end.Reset();
  if (IsClosed(alive->read_end.get())) _exit(128 + SIGKILL);
  if (Status made = MakeOwnWorld(state); !made) return made;
  Result<BlockedSignals> signals = BlockSignals();
  if (!signals) return Forward(std::move(signals));
  const pid_t program = fork();
  if (program < 0) return FailErrno(errno, "start the program");
  if (program > 0) ExitWith(program, signals->events.get(), alive->read_end.get());

  sigprocmask(SIG_SETMASK, &outer_signals->before, nullptr);
  return {};
}

}  // namespace fumehood::sandbox
