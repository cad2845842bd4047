#include "lib/kube/watcher.h"

#include <utility>

namespace fumehood::kube {
namespace {

using std::chrono::milliseconds;
using Mode = WatcherState::Mode;

// A watch that ends sooner than this without one event is a fault: without a pause, a broken proxy would make us ask
// in a tight loop.
constexpr milliseconds kShortestWatch{1'000};

void BeginWatch(WatcherState& state, std::string resource_version) {
  state.mode = Mode::kWatch;
  state.resource_version = std::move(resource_version);
  state.initial.clear();
  state.events_seen = 0;
}

// Begins anew in `mode`, at the version that the state names.
void BeginList(WatcherState& state, Mode mode) {
  state.mode = mode;
  state.initial.clear();
  state.events_seen = 0;
}

WatcherStep After(WatcherState state, Listed listed) {
  BeginWatch(state, std::move(listed.list.resource_version));
  return {std::move(state), AllReplaced{std::move(listed.list.items)}, WatcherNext::kRequest};
}

// The events of a streaming list are kept until its bookmark says that they are all, and the stream goes on as a watch.
WatcherStep CollectInitial(WatcherState state, WatchEvent event) {
  if (EndsInitialEvents(event)) {
    auto objects = std::move(state.initial);
    BeginWatch(state, ResourceVersionOf(event.object));
    state.events_seen = 1;
    return {std::move(state), AllReplaced{std::move(objects)}, WatcherNext::kReadOn};
  }
  // Only synthetic ADDED events come before that bookmark. Their versions are no place to resume from: they come in
  // no order.
  if (event.type == WatchEvent::Type::kAdded) state.initial.push_back(std::move(event.object));
  return {std::move(state), NoChange{}, WatcherNext::kReadOn};
}

WatcherStep After(WatcherState state, Observed observed) {
  ++state.events_seen;
  WatchEvent& event = observed.event;
  if (state.mode == Mode::kStreamingList) return CollectInitial(std::move(state), std::move(event));

  state.resource_version = ResourceVersionOf(event.object);
  switch (event.type) {
    case WatchEvent::Type::kAdded:
    case WatchEvent::Type::kModified:
      return {std::move(state), ObjectApplied{std::move(event.object)}, WatcherNext::kReadOn};
    case WatchEvent::Type::kDeleted:
      return {std::move(state), ObjectRemoved{std::move(event.object)}, WatcherNext::kReadOn};
    case WatchEvent::Type::kBookmark: break;
  }
  return {std::move(state), NoChange{}, WatcherNext::kReadOn};
}

WatcherStep After(WatcherState state, WatchEnded ended) {
  const bool suspicious = state.events_seen == 0 && ended.lasted < kShortestWatch;
  if (state.mode == Mode::kStreamingList) {
    BeginList(state, Mode::kList);  // it ended before its bookmark: this server won't finish one
  } else {
    state.events_seen = 0;
  }
  return {std::move(state), NoChange{}, suspicious ? WatcherNext::kRequestAfterBackoff : WatcherNext::kRequest};
}

WatcherStep After(WatcherState state, RequestFailed failed) {
  switch (failed.error.code) {
    case ErrorCode::kGone: {
      // A watch lists again at the version it had reached, so that no older server takes us back in time. When even
      // that is too new or too old for the server, whatever it has is right.
      const bool from_watch = state.mode == Mode::kWatch;
      if (!from_watch) state.resource_version.clear();
      BeginList(state, from_watch ? Mode::kStreamingList : Mode::kList);
      return {std::move(state), NoChange{}, from_watch ? WatcherNext::kRequest : WatcherNext::kRequestAfterBackoff};
    }
    case ErrorCode::kUnavailable:
    case ErrorCode::kOutcomeUnknown:
    case ErrorCode::kCancelled:
      // The server is away, not the history: ask for the same again.
      if (state.mode != Mode::kWatch) BeginList(state, state.mode);
      state.events_seen = 0;
      return {std::move(state), NoChange{}, WatcherNext::kRequestAfterBackoff};
    case ErrorCode::kInvalid:
    case ErrorCode::kNotFound:
    case ErrorCode::kAlreadyExists:
    case ErrorCode::kConflict:
    case ErrorCode::kForbidden:
    case ErrorCode::kTooLarge:
    case ErrorCode::kInternal:
      // Servers without streaming lists refuse them as invalid. Anything else that we can't explain is met by the
      // plainest request there is.
      BeginList(state, Mode::kList);
      return {std::move(state), NoChange{}, WatcherNext::kRequestAfterBackoff};
  }
  return {std::move(state), NoChange{}, WatcherNext::kRequestAfterBackoff};
}

WatcherStep After(WatcherState state, InitialEventsOverdue) {
  if (state.mode != Mode::kStreamingList) return {std::move(state), NoChange{}, WatcherNext::kReadOn};
  BeginList(state, Mode::kList);
  return {std::move(state), NoChange{}, WatcherNext::kRequest};
}

}  // namespace

WatcherRequest NextRequest(const WatcherState& state) {
  switch (state.mode) {
    case Mode::kStreamingList: return WatchRequest{state.resource_version, /*send_initial_events=*/true};
    case Mode::kList: return ListRequest{state.resource_version};
    case Mode::kWatch: return WatchRequest{state.resource_version, /*send_initial_events=*/false};
  }
  return ListRequest{};
}

WatcherStep Step(WatcherState state, WatcherInput input) {
  return std::visit([&](auto& value) { return After(std::move(state), std::move(value)); }, input);
}

}  // namespace fumehood::kube
