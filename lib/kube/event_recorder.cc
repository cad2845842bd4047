#include "lib/kube/event_recorder.h"

#include <algorithm>
#include <utility>

#include "lib/base/utf8.h"

namespace fumehood::kube {
namespace {

constexpr size_t kMaxQueued = 1'000;
constexpr size_t kMaxNoteBytes = 1'024;  // the API server refuses longer ones
constexpr size_t kMaxNameBytes = 230;    // of the object; the whole name may have 253

const ResourceType kEvents{"events.k8s.io", "v1", "events", Scope::kNamespaced};

}  // namespace

EventRecorder::EventRecorder(Client& client, const Clock& clock, std::string component, std::string instance,
                             std::function<void(const Error&)> on_problem)
    : client_(client),
      clock_(clock),
      component_(std::move(component)),
      instance_(std::move(instance)),
      on_problem_(std::move(on_problem)),
      thread_([this](std::stop_token stop) { WriteUntilStopped(stop); }) {}

void EventRecorder::Record(EventRecord record) {
  std::lock_guard lock(mutex_);
  if (queue_.size() >= kMaxQueued) return;
  queue_.push_back(std::move(record));
  added_.notify_one();
}

void EventRecorder::WriteUntilStopped(std::stop_token stop) {
  while (true) {
    EventRecord record;
    {
      std::unique_lock lock(mutex_);
      if (!added_.wait(lock, stop, [this] { return !queue_.empty(); })) return;
      record = std::move(queue_.front());
      queue_.pop_front();
    }
    const auto created = client_.Create(kEvents, record.regarding.ns, ToJson(record), stop);
    if (!created && !stop.stop_requested()) on_problem_(created.error());
  }
}

Json EventRecorder::ToJson(const EventRecord& record) {
  const WallTime now = clock_.WallNow();
  // Events are named "<object>.<hexadecimal nanoseconds>", as kubectl and dashboards expect.
  const auto nanos = std::chrono::duration_cast<std::chrono::nanoseconds>(now.time_since_epoch()).count();
  last_suffix_ = std::max(last_suffix_ + 1, static_cast<uint64_t>(nanos));
  return {
      {"apiVersion", "events.k8s.io/v1"},
      {"kind", "Event"},
      {"metadata",
       {{"name", fmt::format("{}.{:x}", record.regarding.name.substr(0, kMaxNameBytes), last_suffix_)},
        {"namespace", record.regarding.ns}}},
      {"eventTime", FormatMicroTime(now)},
      {"reportingController", component_},
      {"reportingInstance", instance_},
      {"type", record.type == EventType::kNormal ? "Normal" : "Warning"},
      {"reason", record.reason},
      {"action", record.action},
      {"note", ToStorableText(record.note, kMaxNoteBytes)},
      {"regarding",
       {{"apiVersion", record.regarding.api_version},
        {"kind", record.regarding.kind},
        {"namespace", record.regarding.ns},
        {"name", record.regarding.name},
        {"uid", record.regarding.uid}}},
  };
}

}  // namespace fumehood::kube
