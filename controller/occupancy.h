#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <string>

#include "controller/ranked_executors.h"
#include "lib/api/resources.h"
#include "lib/api/sandbox_command.h"

namespace fumehood::controller {

// Which executors' slots, processors and memory are taken: by commands that we have seen bound, and by those that we
// have just bound and not seen yet. Without the latter two decisions in a row would take the same slot. Safe to call
// from several threads.
class Occupancy {
 public:
  // What the watch says of a command. An older state than what we have assumed ourselves is ignored.
  // True when this freed a slot.
  bool Observe(const api::SandboxCommand& command);
  // The command is finished or gone. True when this freed a slot.
  bool Remove(const std::string& uid);

  // We are about to bind the command to `node_name`, as its next attempt, with these resources.
  void Assume(const api::SandboxCommand& command, const std::string& node_name, const api::Resources& resources);
  // Our write was refused or its outcome is unknown: only the watch can tell now.
  void Forget(const std::string& uid);

  int64_t CountOn(const std::string& node_name) const { return LoadOf(node_name).commands; }
  Load LoadOf(const std::string& node_name) const;
  // Commands of the namespace that have a slot, but for the one of this uid.
  int64_t CountOthersIn(const std::string& ns, const std::string& uid) const;

 private:
  struct Place {
    std::string ns;
    std::string node_name;
    int64_t attempt = 0;
    api::Resources resources = {};
    bool assumed = false;
  };
  void TakeLocked(const std::string& uid, Place place);
  bool EraseLocked(const std::string& uid);

  mutable std::mutex mutex_;                     // guards what follows
  std::map<std::string, Place> places_;          // by uid
  std::map<std::string, Load> by_node_;          // of places_
  std::map<std::string, int64_t> by_namespace_;  // how many of places_ each namespace has
};

}  // namespace fumehood::controller
