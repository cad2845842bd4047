#pragma once

#include <functional>
#include <mutex>
#include <optional>
#include <stop_token>

#include "controller/apply.h"
#include "controller/cluster_view.h"
#include "controller/command_key.h"
#include "controller/decide.h"
#include "controller/metrics.h"
#include "controller/retention.h"
#include "controller/waiting_line.h"
#include "lib/base/time.h"
#include "lib/kube/consistency_store.h"
#include "lib/kube/event_recorder.h"
#include "lib/kube/work_queue.h"
#include "lib/kube/workers.h"
#include "lib/service/log.h"

namespace fumehood::controller {

// Brings each command one step further: gathers the facts, decides, applies. Wakes waiting commands when something
// changes that may let them start. Everything it is given must outlive it. Safe to call from several threads.
class Reconciler final : public ClusterListener {
 public:
  struct Parts {
    const Clock& clock;
    const service::Log& log;
    Apply& apply;
    kube::EventRecorder& events;
    kube::WorkQueue<CommandKey>& queue;
    Retention& retention;
    kube::ConsistencyStore& own_writes;
    ControllerMetrics& metrics;
    std::function<bool()> is_leader;  // a controller that doesn't lead watches, and decides nothing
  };
  explicit Reconciler(Parts parts);

  // The view tells this reconciler what changes, so it comes to be after it. Call once, before anything else.
  void Use(ClusterView& view) { view_ = &view; }

  kube::Outcome Reconcile(const CommandKey& key, std::stop_token stop);
  // Looks again at every waiting command: what depends on time alone raises no event.
  void WakeAll();
  // Looks at every command, as a controller does that begins to lead.
  void LookAtAll();

  void OnCommand(const api::SandboxCommand& command) override;
  void OnCommandLeft(const api::SandboxCommand& last) override;
  void OnSlotFreed() override;
  void OnExecutorLost(const std::string& node_name) override;
  void OnSupplyChanged() override { WakeAll(); }
  void OnProblem(const Error& error) override;

 private:
  // Takes the command out of the line. The one behind it may have been waiting for its turn to be tried.
  void LeaveLine(const CommandKey& key);
  Decision DecideAndAssume(const api::SandboxCommand& command, bool& slots_left);
  kube::Outcome Carry(const api::SandboxCommand& command, const Nothing&, std::stop_token);
  kube::Outcome Carry(const api::SandboxCommand& command, const Bind& bind, std::stop_token stop);
  kube::Outcome Carry(const api::SandboxCommand& command, const Wait& wait, std::stop_token stop);
  kube::Outcome Carry(const api::SandboxCommand& command, const End& end, std::stop_token stop);
  void CountBind(const api::SandboxCommand& command);
  kube::Outcome WriteFailed(const api::SandboxCommand& command, std::string_view what, const Error& error);

  const Clock& clock_;
  const service::Log& log_;
  Apply& apply_;
  kube::EventRecorder& events_;
  kube::WorkQueue<CommandKey>& queue_;
  Retention& retention_;
  kube::ConsistencyStore& own_writes_;
  ControllerMetrics& metrics_;
  const std::function<bool()> is_leader_;
  ClusterView* view_ = nullptr;
  WaitingLine line_;
  std::mutex placing_;  // one decision at a time, so that two never take the same slot; not held over IO
};

}  // namespace fumehood::controller
