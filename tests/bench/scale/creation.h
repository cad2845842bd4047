#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>

#include "lib/base/result.h"
#include "lib/kube/client.h"
#include "tests/bench/scale/command_times.h"

namespace fumehood::bench {

// Commands to be created, all alike.
struct Creation {
  std::string ns;
  std::string prefix;  // of their names
  int64_t count = 0;
  int64_t clients = 1;    // threads that create, each with one request at a time
  double per_second = 0;  // all clients together; 0: as fast as they are accepted
  std::map<std::string, std::string> node_selector = {};
};

// Creates them, and tells `times` of each. Returns how long it took; the first failure otherwise, after all clients
// have ended.
Result<std::chrono::nanoseconds> Create(kube::Client& client, const Creation& creation, CommandTimes& times);

}  // namespace fumehood::bench
