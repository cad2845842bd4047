#pragma once

#include <chrono>
#include <mutex>
#include <optional>

#include "lib/base/result.h"
#include "lib/base/time.h"

namespace fumehood::kube {

// Whether one reflector follows the server, for a readiness check. A reflector tells it; anybody may ask. Safe to use
// from several threads.
//
// A connection that is dead without anybody having said so counts as one until the reflector's idle limit ends it.
class WatchHealth {
 public:
  // All objects were listed, and the watch that goes on from there is open.
  void OnConnected();
  void OnDisconnected(SteadyTime now);

  // kUnavailable until the first connection, and when there has been none for longer than `limit`. A server ends every
  // watch once in a while, so a limit below some seconds makes no sense.
  Status Check(SteadyTime now, std::chrono::milliseconds limit) const;

 private:
  mutable std::mutex mutex_;  // guards what follows
  bool synced_ = false;
  std::optional<SteadyTime> broken_since_;
};

}  // namespace fumehood::kube
