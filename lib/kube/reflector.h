#pragma once

#include <chrono>
#include <nlohmann/json.hpp>
#include <stop_token>
#include <string>
#include <vector>

#include "lib/base/backoff.h"
#include "lib/base/result.h"
#include "lib/kube/client.h"
#include "lib/kube/watch_health.h"

namespace fumehood::kube {

// Who keeps the objects that a reflector sees. Called from the reflector's thread, one call at a time.
class ObjectSink {
 public:
  virtual ~ObjectSink() = default;
  // These are all objects that exist now; whatever else was known is gone.
  virtual void Replace(const std::vector<Json>& objects) = 0;
  virtual void Apply(const Json& object) = 0;
  // The object was deleted or is no longer selected; this is its last state.
  virtual void Remove(const Json& object) = 0;
  // From now on every change is told at once: everything was listed, and a watch is open. Called the first time and
  // whenever the connection had been broken meanwhile, but not when one watch followed another without a gap. Whoever
  // draws conclusions from silence begins to count anew here. A server that accepts a watch after a break and only then
  // says that its history is gone makes for one call more: another follows when everything was listed again.
  virtual void OnConnected() {}
  // Something failed, and is tried again.
  virtual void OnProblem(const Error& error) = 0;
};

struct ReflectorOptions {
  ResourceType type;
  std::string ns;  // empty: all
  std::string field_selector;
  // Between the two, at random, so that many watches don't end together. Below the idle limit of common load balancers.
  std::chrono::seconds shortest_watch{150};
  std::chrono::seconds longest_watch{200};
  // A bookmark comes about once a minute: so long without a byte, and the connection is dead though nobody said so.
  std::chrono::milliseconds idle_limit{90'000};
  // From the end of a watch to the beginning of the next one. What takes so long is a break, though nothing failed.
  std::chrono::milliseconds longest_seam{1'000};
  // Some servers never end a streaming list; then a plain one is used.
  std::chrono::milliseconds initial_events_limit{30'000};
  BackoffPolicy backoff;
  // Told of connections and breaks; null: nobody. Must outlive the reflector.
  WatchHealth* health = nullptr;
};

// Keeps `sink` in step with the server until `stop` is requested: lists, watches, resumes, lists again.
// Blocks; give it a thread of its own. `client` and `sink` must outlive the call.
void RunReflector(Client& client, const ReflectorOptions& options, ObjectSink& sink, std::stop_token stop);

}  // namespace fumehood::kube
