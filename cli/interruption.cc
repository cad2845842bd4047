#include "cli/interruption.h"

#include <csignal>

namespace fumehood::cli {

Interruption::Interruption() {
  sigset_t awaited;
  sigemptyset(&awaited);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&awaited, signal);
  sigprocmask(SIG_BLOCK, &awaited, nullptr);
  thread_ = std::jthread([this, awaited](std::stop_token stop) {
    while (true) {
      const int signal = sigwaitinfo(&awaited, nullptr);
      if (stop.stop_requested()) return;
      if (signal <= 0) continue;
      signal_ = signal;
      stop_.request_stop();
    }
  });
}

Interruption::~Interruption() {
  thread_.request_stop();
  // Blocked in every thread, so that it only wakes this one, and at once: whoever ran a command waits for our end.
  pthread_kill(thread_.native_handle(), SIGTERM);
}

}  // namespace fumehood::cli
