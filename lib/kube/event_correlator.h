#pragma once

#include <chrono>
#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <random>
#include <string>

#include "lib/base/result.h"
#include "lib/base/time.h"
#include "lib/kube/client.h"
#include "lib/kube/event.h"
#include "lib/kube/lru_map.h"

namespace fumehood::kube {

// What is counted together: with the recorder's own name and instance the key of events.k8s.io. The note isn't part of
// it, so a repetition with another note is counted, and the Event keeps the note of the first time.
struct EventKey {
  ObjectReference regarding;
  EventType type;
  std::string reason;
  std::string action;

  auto operator<=>(const EventKey&) const = default;
};

// A request to send. The name may be that of an Event that somebody has deleted meanwhile.
struct EventWrite {
  enum class Kind { kCreate, kPatch };

  EventKey key;
  Kind kind = Kind::kCreate;
  ObjectName name;
  Json body;
};

// Decides which writes come of what is recorded; no IO. Not safe to share between threads.
//
// What repeats within six minutes of the last time is one Event with a series that counts (client-go,
// tools/events/event_broadcaster.go). About one object there are 25 writes at once, and then one in five minutes
// (client-go, tools/record/events_cache.go); what happens meanwhile is in the count of the next write of its series. A
// write that found the API server unavailable is tried again, at most 12 times in all, 10 s ± 25 % apart, with what was
// counted until then; nothing else waits for it.
//
// The last 4,096 Events and objects are remembered. What is forgotten is no longer tried, and begins anew.
class EventCorrelator {
 public:
  // `clock` must outlive the correlator.
  EventCorrelator(const Clock& clock, EventSource source, unsigned seed);

  // The write that is due for it; nothing where it is only counted.
  std::optional<EventWrite> Observe(EventRecord record);
  // What became of a write. An Error means that it is given up.
  Status Answered(const EventKey& key, Status answer);
  // A write that is to be tried again now.
  std::optional<EventWrite> TakeRetry();
  // When there may be one.
  std::optional<SteadyTime> next_retry() const;

 private:
  struct Series {
    Event event;
    SteadyTime last_seen;
    bool exists = false;  // at the API server, as far as we know
    int failures = 0;     // of the write that is due
    std::optional<SteadyTime> retry_at = {};
  };
  // How much may be written about one object.
  struct Budget {
    double writes;
    SteadyTime at;
  };

  Series NewSeries(EventRecord record);
  bool TakeFromBudget(const ObjectReference& regarding);
  EventWrite WriteOf(const EventKey& key, const Series& series) const;
  void TryAgain(const EventKey& key, Series& series, std::chrono::milliseconds delay);
  std::chrono::milliseconds RetryDelay();

  const Clock& clock_;
  const EventSource source_;
  std::minstd_rand random_;
  LruMap<EventKey, Series> series_;
  LruMap<ObjectReference, Budget> budgets_;
  std::multimap<SteadyTime, EventKey> retries_;  // also of series that are forgotten
  uint64_t last_suffix_ = 0;                     // makes names unique
};

}  // namespace fumehood::kube
