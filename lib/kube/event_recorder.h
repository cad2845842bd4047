#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "lib/base/result.h"
#include "lib/base/time.h"
#include "lib/kube/client.h"
#include "lib/kube/event.h"
#include "lib/kube/event_correlator.h"

namespace fumehood::kube {

// Writes events.k8s.io/v1 Events from a thread of its own, best effort: nobody waits for them, and when more than 1,000
// are queued the newest are dropped, as in client-go. What repeats, what is too much and what is tried again is
// EventCorrelator's; a different note alone makes no new Event. Record is safe to call from several threads. Needs the
// verbs create and patch.
class EventRecorder {
 public:
  // `component` names the program ("fumehood-controller"), `instance` its pod or process. `client` and `clock` must
  // outlive the recorder; `on_problem` is called from its thread, for a write that is given up.
  EventRecorder(Client& client, const Clock& clock, std::string component, std::string instance,
                std::function<void(const Error&)> on_problem);

  // What is queued when the recorder is destroyed is not written any more.
  void Record(EventRecord record);

  // How many were not even looked at, because the queue was full.
  uint64_t dropped() const { return dropped_.load(); }

 private:
  void WriteUntilStopped(std::stop_token stop);
  std::optional<EventRecord> Take(const std::stop_token& stop);
  void Send(const EventWrite& write, const std::stop_token& stop);

  Client& client_;
  const Clock& clock_;
  const std::function<void(const Error&)> on_problem_;
  EventCorrelator correlator_;  // of the thread

  std::mutex mutex_;  // guards what follows
  std::condition_variable_any added_;
  std::deque<EventRecord> queue_;

  std::atomic<uint64_t> dropped_ = 0;
  std::jthread thread_;  // last: it uses all of the above
};

}  // namespace fumehood::kube
