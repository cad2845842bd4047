#include "lib/service/termination.h"

#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <utility>

#include "lib/base/sleep.h"

namespace fumehood::service {
namespace {

sigset_t TerminationSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  return signals;
}

// False when it was woken instead.
bool WaitForSignal(int signals, int wake) {
  pollfd polled[] = {{signals, POLLIN, 0}, {wake, POLLIN, 0}};
  while (poll(polled, 2, -1) < 0 && errno == EINTR) {
  }
  signalfd_siginfo taken;
  return polled[1].revents == 0 && read(signals, &taken, sizeof(taken)) == sizeof(taken);
}

}  // namespace

Result<Termination> Termination::Watch() {
  struct sigaction ignore = {};
  ignore.sa_handler = SIG_IGN;
  sigaction(SIGPIPE, &ignore, nullptr);

  const sigset_t signals = TerminationSignals();
  if (const int error = pthread_sigmask(SIG_BLOCK, &signals, nullptr); error != 0) {
    return FailErrno(error, "block SIGTERM and SIGINT");
  }
  UniqueFd fd(signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!fd.valid()) return FailErrno(errno, "create a signalfd");
  return Termination(std::move(fd));
}

Termination::Termination(UniqueFd signals) {
  thread_ = std::jthread([fd = std::move(signals), stop = stop_, hurry = hurry_](std::stop_token ended) mutable {
    const UniqueFd wake(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    const std::stop_callback on_end(ended, [&wake] { eventfd_write(wake.get(), 1); });
    if (WaitForSignal(fd.get(), wake.get())) stop.request_stop();
    if (WaitForSignal(fd.get(), wake.get())) hurry.request_stop();
  });
  pthread_setname_np(thread_.native_handle(), "signals");
}

void Termination::Wait() const { WaitForStop(stop_.get_token()); }

}  // namespace fumehood::service
