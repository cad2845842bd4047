// PID 1 of every sandbox, the guest's root. Waits on a socket for a command, prepares what the host asks for,
// starts the command as another user, tells how it ended, and reaps orphans. Ends when the socket closes, and
// everything in the sandbox with it. Decides nothing: time limits, outputs and the end of the sandbox are the
// host's.

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <string_view>
#include <variant>

#include "lib/base/unique_fd.h"
#include "lib/sandbox/init/launch.h"
#include "lib/sandbox/init/prepare.h"

namespace fumehood::sandbox::init {
namespace {

// Takes the control socket away from descriptor 0, out of the command's reach.
UniqueFd TakeControlSocket() {
  UniqueFd control(fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 10));
  const UniqueFd null(open("/dev/null", O_RDWR | O_CLOEXEC));
  if (!null.valid() || dup2(null.get(), STDIN_FILENO) < 0) return UniqueFd();
  return control;
}

// False when the host is gone.
bool Send(int control, const Report& report) {
  const std::string frame = Encode(report);
  std::string_view rest = frame;
  while (!rest.empty()) {
    const ssize_t sent = send(control, rest.data(), rest.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent <= 0) return false;
    rest.remove_prefix(static_cast<size_t>(sent));
  }
  return true;
}

// Waits for the command. Nothing when the host is gone or sends what is no command.
std::optional<HandOver> ReceiveHandOver(int control) {
  FrameBuffer frames(kMaxHandOverBody);
  static char buffer[65536];
  while (true) {
    const auto frame = frames.Next();
    if (!frame) break;
    if (*frame) {
      auto hand_over = DecodeHandOver(**frame);
      if (!hand_over) break;
      return std::move(*hand_over);
    }
    const ssize_t got = recv(control, buffer, sizeof buffer, 0);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return std::nullopt;
    frames.Append({buffer, static_cast<size_t>(got)});
  }
  Send(control, NotStarted{.stage = Stage::kHandOver, .error_number = EPROTO, .path = ""});
  return std::nullopt;
}

// Reaps what has ended; false when the command was among it and the host is gone.
bool ReapAndReport(int control, pid_t command) {
  while (true) {
    int wait_status = 0;
    const pid_t pid = waitpid(-1, &wait_status, WNOHANG);
    if (pid <= 0) return true;
    if (pid == command && !Send(control, Ended{wait_status})) return false;
  }
}

// Until the host closes the socket, which is also how it says that it wants no more of this sandbox.
void Watch(int control, int child_signals, pid_t command) {
  pollfd events[2] = {{.fd = control, .events = POLLIN, .revents = 0},
                      {.fd = child_signals, .events = POLLIN, .revents = 0}};
  while (true) {
    if (poll(events, 2, -1) < 0 && errno != EINTR) return;
    if (events[0].revents != 0) return;
    if (events[1].revents != 0) {
      signalfd_siginfo signal;
      if (read(child_signals, &signal, sizeof signal) < 0 && errno != EAGAIN && errno != EINTR) return;
      if (!ReapAndReport(control, command)) return;
    }
  }
}

void WaitForClose(int control) {
  char byte;
  while (recv(control, &byte, 1, 0) < 0 && errno == EINTR) {
  }
}

int Main() {
  prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
  const UniqueFd control = TakeControlSocket();
  sigset_t child;
  sigemptyset(&child);
  sigaddset(&child, SIGCHLD);
  sigprocmask(SIG_BLOCK, &child, nullptr);
  const UniqueFd child_signals(signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!control.valid() || !child_signals.valid()) return 1;

  const std::optional<HandOver> hand_over = ReceiveHandOver(control.get());
  if (!hand_over) return 0;
  if (const std::optional<NotStarted> failure = Prepare(*hand_over)) {
    if (Send(control.get(), *failure)) WaitForClose(control.get());
    return 0;
  }
  const std::variant<pid_t, NotStarted> launched = Launch(*hand_over);
  if (const auto* failure = std::get_if<NotStarted>(&launched)) {
    if (Send(control.get(), *failure)) WaitForClose(control.get());
    return 0;
  }
  if (Send(control.get(), Started{})) Watch(control.get(), child_signals.get(), std::get<pid_t>(launched));
  return 0;
}

}  // namespace
}  // namespace fumehood::sandbox::init

int main() { return fumehood::sandbox::init::Main(); }
