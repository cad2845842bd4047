#pragma once

#include <stop_token>
#include <thread>

#include "lib/base/result.h"
#include "lib/base/unique_fd.h"

namespace fumehood::service {

// Turns SIGTERM and SIGINT into a stop request, a second one into a request to hurry, and ignores SIGPIPE.
// Create it in main before any other thread: the signals stay blocked in threads that are started afterwards.
class Termination {
 public:
  static Result<Termination> Watch();

  std::stop_token token() const { return stop_.get_token(); }
  // Somebody has asked twice: what is still to be done is to be left undone.
  std::stop_token hurry_token() const { return hurry_.get_token(); }
  // Blocks until one of the signals came or RequestStop was called.
  void Wait() const;
  // Ends the process from within as a signal would. Safe to call from any thread.
  void RequestStop() { stop_.request_stop(); }

 private:
  explicit Termination(UniqueFd signals);

  std::stop_source stop_;
  std::stop_source hurry_;
  std::jthread thread_;
};

}  // namespace fumehood::service
