#pragma once

#include <atomic>
#include <stop_token>
#include <thread>

namespace fumehood::cli {

// Turns SIGINT, SIGTERM and SIGHUP into a request to stop. Make it while there is one thread: it blocks the signals,
// and has a thread that waits for them.
class Interruption {
 public:
  Interruption();
  Interruption(const Interruption&) = delete;
  Interruption& operator=(const Interruption&) = delete;
  ~Interruption();

  std::stop_token token() const { return stop_.get_token(); }
  // The signal that came; 0: none.
  int signal() const { return signal_; }

 private:
  std::stop_source stop_;
  std::atomic<int> signal_ = 0;
  std::jthread thread_;  // last: it uses all of the above
};

}  // namespace fumehood::cli
