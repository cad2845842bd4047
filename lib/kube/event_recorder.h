#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

#include "lib/base/time.h"
#include "lib/kube/client.h"

namespace fumehood::kube {

enum class EventType { kNormal, kWarning };

// What an Event is about.
struct ObjectReference {
  std::string api_version;
  std::string kind;
  std::string ns;
  std::string name;
  std::string uid;
};

struct EventRecord {
  ObjectReference regarding;
  EventType type = EventType::kNormal;
  std::string reason;  // one word in UpperCamelCase
  std::string action;  // what was done or tried, one word
  std::string note;    // for people; at most 1,024 bytes are kept
};

// Writes events.k8s.io/v1 Events from a thread of its own, best effort: nobody waits for them, and when more than 1,000
// are queued the newest are dropped, as in client-go. Record is safe to call from several threads.
class EventRecorder {
 public:
  // `component` names the program ("fumehood-controller"), `instance` its pod or process. `client` and `clock` must
  // outlive the recorder; `on_problem` is called from its thread.
  EventRecorder(Client& client, const Clock& clock, std::string component, std::string instance,
                std::function<void(const Error&)> on_problem);

  void Record(EventRecord record);

 private:
  void WriteUntilStopped(std::stop_token stop);
  Json ToJson(const EventRecord& record);

  Client& client_;
  const Clock& clock_;
  const std::string component_;
  const std::string instance_;
  const std::function<void(const Error&)> on_problem_;
  uint64_t last_suffix_ = 0;  // of the thread; makes names unique

  std::mutex mutex_;  // guards what follows
  std::condition_variable_any added_;
  std::deque<EventRecord> queue_;

  std::jthread thread_;  // last: it uses all of the above
};

}  // namespace fumehood::kube
