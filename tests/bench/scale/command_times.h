#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "lib/base/time.h"
#include "lib/kube/reflector.h"

namespace fumehood::bench {

// When each command came to be, was bound and had its result, as a watch of all commands shows it: what any client
// would see. Safe to use from several threads.
class CommandTimes final : public kube::ObjectSink {
 public:
  enum class Stage { kWaiting, kBound, kFinished };

  // The command is about to be sent to the API server.
  void OnAsked(const std::string& name);
  // Nothing is known any more of the commands so far.
  void Clear();

  // Waits until so many have come to this stage, or else `patience` is over; returns how many have, and when it looked.
  struct Progress {
    size_t count = 0;
    SteadyTime at;
  };
  Progress Await(Stage stage, size_t count, std::chrono::milliseconds patience);

  // Of those that have come so far, from when each was asked for.
  std::vector<std::chrono::nanoseconds> Latencies(Stage stage) const;

  void Replace(const std::vector<kube::Json>& objects) override;
  void Apply(const kube::Json& object) override;
  void Remove(const kube::Json&) override {}
  void OnProblem(const Error& error) override;

 private:
  struct Times {
    SteadyTime asked;
    std::map<Stage, SteadyTime> seen = {};
  };

  mutable std::mutex mutex_;  // guards what follows
  std::condition_variable changed_;
  std::map<std::string, Times> commands_;  // by name
  std::map<Stage, size_t> counts_;
};

}  // namespace fumehood::bench
