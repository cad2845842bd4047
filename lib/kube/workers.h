#pragma once

#include <pthread.h>

#include <chrono>
#include <functional>
#include <string>
#include <thread>
#include <utility>
#include <variant>
#include <vector>

#include "lib/kube/observers.h"
#include "lib/kube/work_queue.h"

namespace fumehood::kube {

// What came of one look at a key.
struct Settled {};  // nothing more to do until the key is added again
struct LookAgain {  // look again after this long, whatever happens in between
  std::chrono::milliseconds after{0};
};
struct TryAgain {};  // it failed and may succeed later: look again, later each time
using Outcome = std::variant<Settled, LookAgain, TryAgain>;

// In controller-runtime's words.
inline ReconcileResult ResultOf(const Outcome& outcome) {
  if (std::holds_alternative<TryAgain>(outcome)) return ReconcileResult::kError;
  const auto* again = std::get_if<LookAgain>(&outcome);
  if (again == nullptr) return ReconcileResult::kSuccess;
  return again->after.count() > 0 ? ReconcileResult::kRequeueAfter : ReconcileResult::kRequeue;
}

// Threads that take keys from a queue and reconcile them, until destroyed. `queue` and `observer` must outlive them.
template <typename Key>
class Workers {
 public:
  using Reconcile = std::function<Outcome(const Key&, std::stop_token)>;

  // `name` names the threads (15 characters at most are kept). `reconcile` is called from `count` threads at once,
  // never for the same key at once.
  // `observer` may be null.
  Workers(WorkQueue<Key>& queue, int count, const std::string& name, Reconcile reconcile,
          WorkersObserver* observer = nullptr)
      : queue_(queue), reconcile_(std::move(reconcile)), observer_(observer) {
    if (observer_ != nullptr) observer_->OnWorkersStarted(count);
    threads_.reserve(static_cast<size_t>(count));
    for (int i = 0; i < count; ++i) {
      threads_.emplace_back([this](std::stop_token stop) { Work(stop); });
      pthread_setname_np(threads_.back().native_handle(), name.substr(0, 15).c_str());
    }
  }

  // Ends after the keys in hand; what is queued stays queued.
  ~Workers() {
    for (auto& thread : threads_) thread.request_stop();
  }

 private:
  void Work(std::stop_token stop) {
    while (const auto key = queue_.Get(stop)) {
      const Outcome outcome = ObservedReconcile(*key, stop);
      if (std::holds_alternative<TryAgain>(outcome)) {
        queue_.AddRateLimited(*key);
      } else {
        queue_.Forget(*key);
        if (const auto* again = std::get_if<LookAgain>(&outcome)) queue_.AddAfter(*key, again->after);
      }
      queue_.Done(*key);
    }
  }

  Outcome ObservedReconcile(const Key& key, std::stop_token stop) {
    if (observer_ == nullptr) return reconcile_(key, stop);
    observer_->OnReconcileBegins();
    const auto begin = std::chrono::steady_clock::now();
    const Outcome outcome = reconcile_(key, stop);
    observer_->OnReconcileEnds(ResultOf(outcome), std::chrono::steady_clock::now() - begin);
    return outcome;
  }

  WorkQueue<Key>& queue_;
  const Reconcile reconcile_;
  WorkersObserver* const observer_;
  std::vector<std::jthread> threads_;
};

}  // namespace fumehood::kube
