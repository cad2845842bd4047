#include "lib/sandbox/supervision.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <string>
#include <string_view>
#include <utility>

#include "lib/base/unique_fd.h"
#include "lib/sandbox/child_process.h"
#include "lib/sandbox/output_pipe.h"
#include "lib/sandbox/pidfd.h"

namespace fumehood::sandbox {

namespace {

using namespace std::chrono_literals;

// Once the sandbox is dead nobody holds the pipes, and what they still contain is read within milliseconds.
constexpr auto kDrainLimit = 2s;

class Supervision {
 public:
  Supervision(const SandboxChannels& channels, const init::HandOver& hand_over, CommandLimits limits,
              const std::function<void()>& on_started)
      : channels_(channels),
        unsent_(Encode(hand_over)),
        on_started_(on_started),
        timeout_(limits.timeout),
        deadline_(std::chrono::steady_clock::now() + timeout_),
        stdout_(channels.stdout_pipe, limits.max_output_bytes, limits.stdout_to),
        stderr_(channels.stderr_pipe, limits.max_output_bytes, limits.stderr_to) {}

  Result<Supervised> Run(int stop_event) {
    while (!ending_) {
      pollfd events[] = {
          {.fd = stop_event, .events = POLLIN, .revents = 0},
          {.fd = channels_.control, .events = ControlEvents(), .revents = 0},
          {.fd = channels_.process, .events = POLLIN, .revents = 0},
          stdout_.Awaited(),
          stderr_.Awaited(),
      };
      const auto& [stop, control, process, out, err] = events;
      if (poll(events, std::size(events), PollTimeout(deadline_)) < 0 && errno != EINTR) {
        return FailErrno(errno, "wait for the sandbox");
      }
      if (out.revents != 0) stdout_.Advance();
      if (err.revents != 0) stderr_.Advance();
      if (stop.revents != 0 || stdout_.reader_is_gone() || stderr_.reader_is_gone()) {
        End(Cancelled{});
        break;
      }
      if ((control.revents & POLLOUT) != 0) SendMore();
      // The ending may lie in the socket of a sandbox that is dead already.
      if ((control.revents & ~POLLOUT) != 0 || process.revents != 0) ReadReports();
      if (process.revents != 0) End(SandboxTerminated{});
      if (std::chrono::steady_clock::now() >= deadline_) End(TimedOut{});
    }
    pidfd_send_signal(channels_.process, SIGKILL, nullptr, 0);
    if (std::holds_alternative<Cancelled>(*ending_)) {
      Drain(stdout_, stderr_, Patience::kLimited, -1, kDrainLimit);
    } else {
      Drain(stdout_, stderr_, Patience::kUntilTaken, stop_event, kDrainLimit);
    }
    return Supervised{.ending = std::move(*ending_),
                      .stdout_output = std::move(stdout_).Take(),
                      .stderr_output = std::move(stderr_).Take(),
                      .started = started_,
                      .ended = ended_};
  }

 private:
  using Ending = decltype(Supervised::ending);

  short ControlEvents() const { return static_cast<short>(unsent_.empty() ? POLLIN : POLLIN | POLLOUT); }

  // The first ending counts.
  void End(Ending ending) {
    if (ending_) return;
    ending_ = std::move(ending);
    ended_ = std::chrono::steady_clock::now();
  }

  void SendMore() {
    const ssize_t sent = send(channels_.control, unsent_.data(), unsent_.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent > 0) unsent_.erase(0, static_cast<size_t>(sent));
    // A failure shows in what is read from the socket.
  }

  void ReadReports() {
    std::array<char, 4096> buffer;
    while (!ending_) {
      const ssize_t got = recv(channels_.control, buffer.data(), buffer.size(), MSG_DONTWAIT);
      if (got < 0 && errno == EINTR) continue;
      if (got < 0 && errno == EAGAIN) return;
      if (got <= 0) return End(SandboxTerminated{});
      reports_.Append({buffer.data(), static_cast<size_t>(got)});
      HandleReports();
    }
  }

  void HandleReports() {
    while (!ending_) {
      const auto frame = reports_.Next();
      if (!frame) return End(SandboxTerminated{});
      if (!*frame) return;
      auto report = DecodeReport(**frame);
      if (!report) return End(SandboxTerminated{});
      std::visit([this](auto& what) { Handle(what); }, *report);
    }
  }

  void Handle(const init::Started&) {
    if (started_) return End(SandboxTerminated{});
    started_ = std::chrono::steady_clock::now();
    deadline_ = *started_ + timeout_;
    if (on_started_) on_started_();
  }

  void Handle(const init::Ended& ended) {
    if (started_ && WIFEXITED(ended.wait_status)) return End(Exited{WEXITSTATUS(ended.wait_status)});
    // A wait status has room for signals that no kernel has.
    if (started_ && WIFSIGNALED(ended.wait_status) && WTERMSIG(ended.wait_status) <= SIGRTMAX) {
      return End(Signaled{WTERMSIG(ended.wait_status)});
    }
    End(SandboxTerminated{});
  }

  void Handle(init::NotStarted& not_started) {
    if (started_) return End(SandboxTerminated{});
    End(std::move(not_started));
  }

  const SandboxChannels channels_;
  std::string unsent_;
  const std::function<void()>& on_started_;
  const std::chrono::milliseconds timeout_;
  SteadyTime deadline_;  // until the command has started: for its start
  OutputPipe stdout_;
  OutputPipe stderr_;
  init::FrameBuffer reports_{init::kMaxReportBody};
  std::optional<SteadyTime> started_;
  std::optional<Ending> ending_;
  SteadyTime ended_;
};

}  // namespace

Result<Supervised> Supervise(const SandboxChannels& channels, const init::HandOver& hand_over, CommandLimits limits,
                             const std::function<void()>& on_started, std::stop_token stop) {
  const UniqueFd stop_event(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!stop_event.valid()) return FailErrno(errno, "make an event");
  if (!MakeNonBlocking(channels.stdout_pipe) || !MakeNonBlocking(channels.stderr_pipe)) {
    return FailErrno(errno, "prepare the sandbox's pipes");
  }
  const std::stop_callback wake(stop, [&stop_event] { eventfd_write(stop_event.get(), 1); });
  return Supervision(channels, hand_over, limits, on_started).Run(stop_event.get());
}

}  // namespace fumehood::sandbox
