#pragma once

#include <functional>
#include <memory>
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
#include "lib/api/configuration.h"
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
    std::function<std::shared_ptr<const api::Configuration>()> configuration;  // as it is now, never null
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
  // What the administrator allows has changed.
  void OnConfigurationChanged() { WakeAll(); }
  void OnProblem(const Error& error) override;

 private:
  // Takes the command out of the line. Somebody may have been waiting for it to be tried.
  void LeaveLine(const CommandKey& key);
  void TryNext();
  Decision DecideAndAssume(const api::SandboxCommand& command, bool& slots_left);
  // Puts the command where it belongs in the line after this decision, which becomes another one when it is not its
  // turn.
  Decision TakePlaceInLine(const api::SandboxCommand& command, Decision decision, WaitingLine::Moment moment,
                           int64_t priority);
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
  const std::function<std::shared_ptr<const api::Configuration>()> configuration_;
  const std::function<bool()> is_leader_;
  ClusterView* view_ = nullptr;
  WaitingLine line_;
  std::mutex placing_;  // one decision at a time, so that two never take the same slot; not held over IO
};

}  // namespace fumehood::controller
