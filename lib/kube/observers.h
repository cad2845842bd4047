// What the client and the runtime tell about themselves, for whoever counts it.
//
// Observers are called from many threads, in the middle of the work and partly under a lock: they must be quick, must
// not block, and must not call whom they observe. Each must outlive whom it observes.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>

#include "lib/kube/transport.h"

namespace fumehood::kube {

// One request and its answer.
struct ObservedExchange {
  HttpMethod method = HttpMethod::kGet;
  TrafficClass traffic = TrafficClass::kRead;
  std::optional<int> status = {};        // none: no answer came
  std::chrono::nanoseconds duration{0};  // until the answer was there; of a stream: until it began
  size_t request_bytes = 0;              // of the bodies; of a stream's answer: 0
  size_t response_bytes = 0;
};

class TransportObserver {
 public:
  virtual ~TransportObserver() = default;
  virtual void OnExchange(const ObservedExchange& exchange) = 0;
};

// What client-go's workqueue counts. Called under the queue's lock.
class WorkQueueObserver {
 public:
  virtual ~WorkQueueObserver() = default;
  // A key came to wait. Adding one that waits already is nothing.
  virtual void OnAdded() = 0;
  // A key was put off, for whatever reason.
  virtual void OnDelayed() = 0;
  virtual void OnTaken(std::chrono::nanoseconds waited) = 0;
  virtual void OnDone(std::chrono::nanoseconds worked) = 0;
};

enum class ReconcileResult { kSuccess, kRequeue, kRequeueAfter, kError };

class WorkersObserver {
 public:
  virtual ~WorkersObserver() = default;
  virtual void OnWorkersStarted(int count) = 0;
  virtual void OnReconcileBegins() = 0;
  virtual void OnReconcileEnds(ReconcileResult result, std::chrono::nanoseconds duration) = 0;
};

}  // namespace fumehood::kube
