// How a watch is kept going for ever, as a pure function: no IO, no clock, no thread.
//
//            NextRequest                      Step
//   state ───────────────▶ list or watch ──▶ answer ──▶ state', what changed, what to do next
//
// The rules are those of client-go's reflector (tools/cache/reflector.go) and kube-rs' watcher:
// begin with a streaming list and fall back to a plain one where the server doesn't finish it; resume a watch where it
// ended; list again when history is gone, first "not older than what we have seen", then whatever is newest.
#pragma once

#include <chrono>
#include <nlohmann/json.hpp>
#include <string>
#include <variant>
#include <vector>

#include "lib/base/result.h"
#include "lib/kube/client.h"
#include "lib/kube/watch_event.h"

namespace fumehood::kube {

struct WatcherState {
  enum class Mode {
    kStreamingList,  // a watch that begins with all objects (sendInitialEvents)
    kList,
    kWatch,
  };
  Mode mode = Mode::kStreamingList;
  // The newest version seen, where to go on from; "" at first, and when even that is gone.
  std::string resource_version;
  // What a streaming list has brought so far; handed over as a whole when it is complete.
  std::vector<Json> initial;
  // Events (bookmarks too) of the current watch.
  int events_seen = 0;
};

// What to ask the server for next.
struct ListRequest {
  std::string resource_version;
};
struct WatchRequest {
  std::string resource_version;
  bool send_initial_events = false;
};
using WatcherRequest = std::variant<ListRequest, WatchRequest>;

WatcherRequest NextRequest(const WatcherState& state);

// What came of it.
struct Listed {
  ObjectList list;
};
struct Observed {
  WatchEvent event;
};
// The server ended the watch in good order.
struct WatchEnded {
  std::chrono::milliseconds lasted{0};
};
// The list or the watch failed, or the watch brought an ERROR event.
struct RequestFailed {
  Error error;
};
// The initial events of a streaming list were not complete within the reflector's patience.
struct InitialEventsOverdue {};
using WatcherInput = std::variant<Listed, Observed, WatchEnded, RequestFailed, InitialEventsOverdue>;

// What it means for those who keep the objects.
struct NoChange {};
struct AllReplaced {  // these are all that exist; whatever else was known is gone
  std::vector<Json> objects;
};
struct ObjectApplied {
  Json object;
};
struct ObjectRemoved {  // deleted, or no longer selected: `object` is its last state
  Json object;
};
using WatcherChange = std::variant<NoChange, AllReplaced, ObjectApplied, ObjectRemoved>;

enum class WatcherNext {
  kReadOn,              // stay on the stream
  kRequest,             // send NextRequest at once
  kRequestAfterBackoff  // wait a little, then send NextRequest
};

struct WatcherStep {
  WatcherState state;
  WatcherChange change;
  WatcherNext next = WatcherNext::kReadOn;
};

WatcherStep Step(WatcherState state, WatcherInput input);

}  // namespace fumehood::kube
