#include "lib/kube/event_recorder.h"

#include <pthread.h>

#include <algorithm>
#include <random>
#include <utility>

namespace fumehood::kube {
namespace {

using namespace std::chrono_literals;

constexpr size_t kMaxQueued = 1'000;
// How long to wait at most for a retry whose time our clock tells: the condition variable has another one.
constexpr std::chrono::milliseconds kLongestLook = 250ms;

}  // namespace

EventRecorder::EventRecorder(Client& client, const Clock& clock, std::string component, std::string instance,
                             std::function<void(const Error&)> on_problem)
    : client_(client),
      clock_(clock),
      on_problem_(std::move(on_problem)),
      correlator_(clock, {std::move(component), std::move(instance)}, std::random_device{}()),
      thread_([this](std::stop_token stop) { WriteUntilStopped(stop); }) {
  pthread_setname_np(thread_.native_handle(), "events");
}

void EventRecorder::Record(EventRecord record) {
  std::lock_guard lock(mutex_);
  if (queue_.size() >= kMaxQueued) {
    ++dropped_;
    return;
  }
  queue_.push_back(std::move(record));
  added_.notify_one();
}

// Takes turns, so that neither new Events nor those that are tried again wait for the others to end.
void EventRecorder::WriteUntilStopped(std::stop_token stop) {
  while (!stop.stop_requested()) {
    if (const auto retry = correlator_.TakeRetry()) Send(*retry, stop);
    if (auto record = Take(stop)) {
      if (const auto write = correlator_.Observe(*std::move(record))) Send(*write, stop);
    }
  }
}

// The next one of the queue; nothing when there is something else to do.
std::optional<EventRecord> EventRecorder::Take(const std::stop_token& stop) {
  const auto retry = correlator_.next_retry();
  const auto has_one = [this] { return !queue_.empty(); };
  std::unique_lock lock(mutex_);
  if (retry) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(*retry - clock_.SteadyNow());
    added_.wait_for(lock, stop, std::clamp(left, 0ms, kLongestLook), has_one);
  } else {
    added_.wait(lock, stop, has_one);
  }
  if (stop.stop_requested() || queue_.empty()) return std::nullopt;
  EventRecord record = std::move(queue_.front());
  queue_.pop_front();
  return record;
}

void EventRecorder::Send(const EventWrite& write, const std::stop_token& stop) {
  Result<Json> written = write.kind == EventWrite::Kind::kCreate
                             ? client_.Create(kEvents, write.name.ns, write.body, stop)
                             : client_.Patch(kEvents, write.name, PatchKind::kMerge, write.body, "", stop);
  if (stop.stop_requested()) return;
  const Status settled = correlator_.Answered(write.key, written ? Status() : Status(Forward(std::move(written))));
  if (!settled) on_problem_(settled.error());
}

}  // namespace fumehood::kube
