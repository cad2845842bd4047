#include "cli/interruption.h"

#include <csignal>
#include <ctime>

namespace fumehood::cli {

Interruption::Interruption() {
  sigset_t awaited;
  sigemptyset(&awaited);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&awaited, signal);
  sigprocmask(SIG_BLOCK, &awaited, nullptr);
  thread_ = std::jthread([this, awaited](std::stop_token stop) {
    while (!stop.stop_requested()) {
      constexpr timespec kLook{.tv_sec = 0, .tv_nsec = 100'000'000};
      const int signal = sigtimedwait(&awaited, nullptr, &kLook);
      if (signal <= 0) continue;
      signal_ = signal;
      stop_.request_stop();
    }
  });
}

}  // namespace fumehood::cli
