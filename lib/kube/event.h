// The Events of events.k8s.io/v1 as values, and as the JSON that is written.
#pragma once

#include <compare>
#include <string>

#include "lib/base/time.h"
#include "lib/kube/client.h"

namespace fumehood::kube {

inline const ResourceType kEvents{"events.k8s.io", "v1", "events"};

enum class EventType { kNormal, kWarning };

// What an Event is about.
struct ObjectReference {
  std::string api_version;
  std::string kind;
  std::string ns;  // empty: it has none; its Events are those of the namespace "default"
  std::string name;
  std::string uid;

  auto operator<=>(const ObjectReference&) const = default;
};

struct EventRecord {
  ObjectReference regarding;
  EventType type = EventType::kNormal;
  std::string reason;  // one word in UpperCamelCase
  std::string action;  // what was done or tried, one word
  std::string note;    // for people; at most 1,024 bytes are kept
};

// Who reports.
struct EventSource {
  std::string controller;  // the program: "fumehood-controller"
  std::string instance;    // its pod or process
};

// One Event: what happened once, or again and again.
struct Event {
  ObjectName name;
  EventRecord record;
  WallTime first_time;
  WallTime last_time;
  int count = 1;
};

// The whole object, with a series where it happened more than once.
Json ToJson(const Event& event, const EventSource& source);
// The merge patch for one that exists already. It says the whole count, so that it may be written twice.
Json SeriesPatch(const Event& event);

}  // namespace fumehood::kube
