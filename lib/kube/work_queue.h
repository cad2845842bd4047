#pragma once

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <random>
#include <set>
#include <stop_token>
#include <utility>

#include "lib/base/time.h"
#include "lib/kube/observers.h"

namespace fumehood::kube {

// How long a key that keeps failing waits: client-go's per-item limiter (5 ms · 2ⁿ), with a lower ceiling and with
// ±20 % of chance, so that keys which failed together don't come back together.
struct RetryPolicy {
  std::chrono::milliseconds initial{5};
  std::chrono::milliseconds max{30'000};
};

// Which keys need to be looked at, as client-go's workqueue: a key that waits is in the queue once, however often it
// was added; a key that is being worked on is not handed out again before Done, and is queued again then if it was
// added meanwhile. So one key is never worked on by two threads at once, and no addition is lost. A delayed key that is
// added again keeps the earlier of the two times. Safe to call from several threads. `clock` and `observer` must
// outlive the queue; Get waits in real time.
template <typename Key>
class WorkQueue {
 public:
  // `observer` may be null.
  explicit WorkQueue(const Clock& clock, RetryPolicy policy = {}, WorkQueueObserver* observer = nullptr)
      : clock_(clock), policy_(policy), observer_(observer) {}

  void Add(const Key& key) {
    std::lock_guard lock(mutex_);
    AddLocked(key);
  }

  void AddAfter(const Key& key, std::chrono::milliseconds delay) {
    std::lock_guard lock(mutex_);
    if (observer_ != nullptr) observer_->OnDelayed();
    if (delay <= std::chrono::milliseconds::zero()) return AddLocked(key);
    const SteadyTime due = clock_.SteadyNow() + delay;
    const auto [entry, inserted] = due_.try_emplace(key, due);
    if (!inserted) {
      if (entry->second <= due) return;
      by_due_.erase({entry->second, key});
      entry->second = due;
    }
    by_due_.insert({due, key});
    changed_.notify_all();
  }

  // Adds the key after a delay that doubles with each call since the last Forget.
  void AddRateLimited(const Key& key) {
    std::chrono::milliseconds delay;
    {
      std::lock_guard lock(mutex_);
      const int failures = std::min(failures_[key]++, 30);
      delay = std::min<std::chrono::milliseconds>(policy_.initial * (int64_t{1} << failures), policy_.max);
      delay = std::chrono::duration_cast<std::chrono::milliseconds>(
          delay * std::uniform_real_distribution<>(0.8, 1.2)(random_));
    }
    AddAfter(key, delay);
  }

  // The key's next failure is its first.
  void Forget(const Key& key) {
    std::lock_guard lock(mutex_);
    failures_.erase(key);
  }

  // The next key, waiting for one; nothing once `stop` is requested. The caller calls Done with it.
  std::optional<Key> Get(std::stop_token stop) {
    std::unique_lock lock(mutex_);
    while (!stop.stop_requested()) {
      if (auto key = TakeLocked()) return key;
      const SteadyTime earliest = EarliestLocked();
      changed_.wait_for(lock, stop, UntilLocked(earliest),
                        [&] { return !queue_.empty() || EarliestLocked() < earliest; });
    }
    return std::nullopt;
  }

  // The next key, or nothing where none is ready now.
  std::optional<Key> TryGet() {
    std::lock_guard lock(mutex_);
    return TakeLocked();
  }

  void Done(const Key& key) {
    std::lock_guard lock(mutex_);
    const auto working = working_.extract(key);
    if (observer_ != nullptr && !working.empty()) observer_->OnDone(clock_.SteadyNow() - working.mapped());
    if (waiting_.contains(key)) {
      queue_.push_back(key);
      changed_.notify_one();
    }
  }

  size_t size() const {
    std::lock_guard lock(mutex_);
    return queue_.size();
  }

  // For how long the keys that are handed out have been worked on.
  struct UnfinishedWork {
    std::chrono::nanoseconds total{0};
    std::chrono::nanoseconds longest{0};
  };
  UnfinishedWork unfinished() const {
    std::lock_guard lock(mutex_);
    const SteadyTime now = clock_.SteadyNow();
    UnfinishedWork unfinished;
    for (const auto& [key, since] : working_) {
      unfinished.total += now - since;
      unfinished.longest = std::max<std::chrono::nanoseconds>(unfinished.longest, now - since);
    }
    return unfinished;
  }

 private:
  void AddLocked(const Key& key) {
    if (!waiting_.try_emplace(key, clock_.SteadyNow()).second) return;
    if (observer_ != nullptr) observer_->OnAdded();
    if (working_.contains(key)) return;  // Done will queue it
    queue_.push_back(key);
    changed_.notify_one();
  }

  void MoveDueLocked() {
    const SteadyTime now = clock_.SteadyNow();
    while (!by_due_.empty() && by_due_.begin()->first <= now) {
      const Key key = by_due_.begin()->second;
      by_due_.erase(by_due_.begin());
      due_.erase(key);
      AddLocked(key);
    }
  }

  std::optional<Key> TakeLocked() {
    MoveDueLocked();
    if (queue_.empty()) return std::nullopt;
    Key key = std::move(queue_.front());
    queue_.pop_front();
    const SteadyTime now = clock_.SteadyNow();
    const auto waiting = waiting_.extract(key);
    working_.emplace(key, now);
    if (observer_ != nullptr) observer_->OnTaken(now - waiting.mapped());
    return key;
  }

  SteadyTime EarliestLocked() const { return by_due_.empty() ? SteadyTime::max() : by_due_.begin()->first; }

  std::chrono::milliseconds UntilLocked(SteadyTime due) const {
    const SteadyTime now = clock_.SteadyNow();
    if (due <= now) return std::chrono::milliseconds::zero();
    // A bound, since adding "for ever" to a clock overflows.
    if (due - now > std::chrono::hours(1)) return std::chrono::hours(1);
    return std::chrono::ceil<std::chrono::milliseconds>(due - now);
  }

  const Clock& clock_;
  const RetryPolicy policy_;
  WorkQueueObserver* const observer_;
  mutable std::mutex mutex_;  // guards what follows
  std::condition_variable_any changed_;
  std::deque<Key> queue_;              // ready, in order; each is in waiting_ and not in working_
  std::map<Key, SteadyTime> waiting_;  // to be worked on, since when: in queue_, or in working_ and added again
  std::map<Key, SteadyTime> working_;  // handed out by Get and not Done, since when
  std::map<Key, SteadyTime> due_;      // delayed keys, until when; by_due_ holds the same pairs in order of time
  std::set<std::pair<SteadyTime, Key>> by_due_;
  std::map<Key, int> failures_;
  std::minstd_rand random_{std::random_device{}()};
};

}  // namespace fumehood::kube
