#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "controller/ranked_executors.h"
#include "lib/api/resources.h"
#include "lib/api/sandbox_command.h"

namespace fumehood::controller {

// Which executors take commands, and how much of each is taken: by commands that we have seen bound, and by those that
// we have just bound and not seen yet. Without the latter two decisions in a row would take the same slot. Safe to call
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

  // The executor of this node takes commands from now on, or takes them otherwise than before.
  void SetReady(std::shared_ptr<const api::SandboxExecutor> offer, std::shared_ptr<const api::Node> node);
  void SetNotReady(const std::string& node_name);
  // Returns what `look` returns, which is given the executors that take commands. It must not call the Occupancy.
  template <typename Look>
  auto WithExecutors(const Look& look) const {
    std::lock_guard lock(mutex_);
    return look(ranked_);
  }
  bool HasFreeSlot() const;

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
  Load LoadOfLocked(const std::string& node_name) const;
  // The executor gets the rank that its load gives it.
  void RankLocked(const std::string& node_name);
  void TakeLocked(const std::string& uid, Place place);
  bool EraseLocked(const std::string& uid);

  mutable std::mutex mutex_;                                // guards what follows
  std::map<std::string, Place> places_;                     // by uid
  std::map<std::string, Load> by_node_;                     // of places_
  std::map<std::string, int64_t> by_namespace_;             // how many of places_ each namespace has
  RankedExecutors ranked_;                                  // with the loads of by_node_
  std::map<std::string, RankedExecutors::iterator> ranks_;  // of ranked_, by node
};

}  // namespace fumehood::controller
