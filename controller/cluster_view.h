#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "controller/command_key.h"
#include "controller/decide.h"
#include "controller/executor_leases.h"
#include "controller/occupancy.h"
#include "lib/api/sandbox_command.h"
#include "lib/api/sandbox_executor.h"
#include "lib/api/scheduling.h"
#include "lib/base/time.h"
#include "lib/kube/lease.h"
#include "lib/kube/store.h"

namespace fumehood::controller {

// What somebody who keeps commands moving needs to hear of. Called on the reflectors' threads; must not block.
class ClusterListener {
 public:
  virtual ~ClusterListener() = default;
  // An unfinished command is new or has changed.
  virtual void OnCommand(const api::SandboxCommand& command) = 0;
  // It has finished, or was deleted; `last` is what it was before.
  virtual void OnCommandLeft(const api::SandboxCommand& last) = 0;
  // A slot has become free.
  virtual void OnSlotFreed() = 0;
  // The executor of this node is lost, with what is bound to it.
  virtual void OnExecutorLost(const std::string& node_name) = 0;
  // Executors, RuntimeClasses or nodes have changed in a way that may let waiting commands start.
  virtual void OnSupplyChanged() = 0;
  // Something could not be read or watched; it is tried again.
  virtual void OnProblem(const Error& error) = 0;
};

// The cluster as the watches tell it: the facts that decisions are made from. Safe to call from several threads.
class ClusterView {
 public:
  // `clock` and `listener` must outlive the view.
  ClusterView(const Clock& clock, ClusterListener& listener);

  // Where the reflectors put what they see.
  kube::ObjectSink& commands_sink() { return commands_; }
  kube::ObjectSink& executors_sink() { return executors_; }
  kube::ObjectSink& runtime_classes_sink() { return runtime_classes_; }
  kube::ObjectSink& nodes_sink() { return nodes_; }
  kube::ObjectSink& leases_sink() { return leases_; }

  // Each kind has been listed once, and every listed command is counted in the occupancy: decisions can be made.
  bool synced() const;

  // Null where there is no such unfinished command, or another one has its name by now.
  std::shared_ptr<const api::SandboxCommand> FindCommand(const CommandKey& key) const;
  std::shared_ptr<const api::RuntimeClass> FindRuntimeClass(const std::string& name) const;
  std::vector<std::shared_ptr<const api::SandboxCommand>> AllCommands() const { return commands_.All(); }
  struct ExecutorCounts {
    int64_t ready = 0;
    int64_t not_ready = 0;
    int64_t lost = 0;
  };
  ExecutorCounts CountExecutors() const;
  // How many commands wait, by the reason of their condition Scheduled.
  std::map<std::string, int64_t> CountWaiting() const;
  // Of the executor that the command is bound to, if it is.
  Liveness LivenessOfBound(const api::SandboxCommand& command) const;
  // That time has passed raises no event: call it every second or so. Tells the listener of executors that are lost.
  void NoticeLosses();

  // Its executors are those that say they are ready, are alive, and whose node exists.
  Occupancy& occupancy() { return occupancy_; }

 private:
  template <typename T>
  using Pointer = std::shared_ptr<const T>;

  // Whether the executor of this node takes commands has changed, or what it offers.
  void Rank(const std::string& node_name);
  void CommandChanged(const Pointer<api::SandboxCommand>& before, const Pointer<api::SandboxCommand>& after);
  void ExecutorChanged(const Pointer<api::SandboxExecutor>& before, const Pointer<api::SandboxExecutor>& after);
  void NodeChanged(const Pointer<api::Node>& before, const Pointer<api::Node>& after);
  void LeaseChanged(const Pointer<kube::Lease>& before, const Pointer<kube::Lease>& after);

  const Clock& clock_;
  ClusterListener& listener_;
  Occupancy occupancy_;
  std::mutex ranking_;  // one at a time: who comes last has seen all that the others have
  ExecutorLeases executor_leases_;
  kube::Store<api::SandboxCommand> commands_;
  kube::Store<api::SandboxExecutor> executors_;
  kube::Store<api::RuntimeClass> runtime_classes_;
  kube::Store<api::Node> nodes_;
  kube::Store<kube::Lease> leases_;
};

}  // namespace fumehood::controller
