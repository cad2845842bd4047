#pragma once

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <stop_token>
#include <thread>

#include "lib/sandbox/sandbox.h"

namespace fumehood::sandbox {

// Takes apart sandboxes whose command has ended: unmounts, waits for the last process, removes the directory. A thread
// of its own does it, so that no result waits for it. Safe to use from several threads.
class Disposal {
 public:
  Disposal();
  // Returns when everything that was handed over is gone.
  ~Disposal();

  // Does it itself where too many wait already, so that they can't pile up.
  void Add(std::unique_ptr<Sandbox> sandbox);

 private:
  void Work(std::stop_token stop);

  std::mutex mutex_;  // guards all of the following
  std::condition_variable_any added_;
  std::deque<std::unique_ptr<Sandbox>> waiting_;

  std::jthread worker_;  // last: it uses all of the above
};

}  // namespace fumehood::sandbox
