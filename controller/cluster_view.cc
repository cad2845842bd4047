#include "controller/cluster_view.h"

#include "lib/api/names.h"

namespace fumehood::controller {
namespace {

bool SaysReady(const api::SandboxExecutor& executor) {
  const auto* ready = api::FindCondition(executor.status.conditions, api::condition::kReady);
  return ready != nullptr && ready->status == api::ConditionStatus::kTrue;
}

// Whether the two differ in what matters for placing commands.
bool OffersDiffer(const api::SandboxExecutor& a, const api::SandboxExecutor& b) {
  return SaysReady(a) != SaysReady(b) || a.status.slots != b.status.slots ||
         a.status.allocatable != b.status.allocatable || a.status.images != b.status.images ||
         a.status.handlers != b.status.handlers || a.status.executor.pod_uid != b.status.executor.pod_uid;
}

template <typename T>
const std::string& NodeNameOf(const T& before, const T& after) {
  return (after ? after : before)->metadata.name;
}

}  // namespace

ClusterView::ClusterView(const Clock& clock, ClusterListener& listener)
    : clock_(clock),
      listener_(listener),
      commands_(api::ReadSandboxCommand,
                {.on_change = [this](const auto& before, const auto& after) { CommandChanged(before, after); },
                 .on_synced = [this] { listener_.OnSupplyChanged(); },
                 .on_problem = [this](const Error& error) { listener_.OnProblem(error); }}),
      executors_(api::ReadSandboxExecutor,
                 {.on_change = [this](const auto& before, const auto& after) { ExecutorChanged(before, after); },
                  .on_synced = [this] { listener_.OnSupplyChanged(); },
                  .on_problem = [this](const Error& error) { listener_.OnProblem(error); }}),
      runtime_classes_(api::ReadRuntimeClass,
                       {.on_change = [this](const auto&, const auto&) { listener_.OnSupplyChanged(); },
                        .on_synced = [this] { listener_.OnSupplyChanged(); },
                        .on_problem = [this](const Error& error) { listener_.OnProblem(error); }}),
      nodes_(api::ReadNode, {.on_change = [this](const auto& before, const auto& after) { NodeChanged(before, after); },
                             .on_synced = [this] { listener_.OnSupplyChanged(); },
                             .on_problem = [this](const Error& error) { listener_.OnProblem(error); }}),
      leases_(kube::ReadLeaseRecord,
              {.on_change = [this](const auto& before, const auto& after) { LeaseChanged(before, after); },
               .before_list = [this] { executor_leases_.OnInterrupted(); },
               .on_connected = [this] { executor_leases_.OnInterrupted(); },
               .on_problem = [this](const Error& error) { listener_.OnProblem(error); }}) {}

bool ClusterView::synced() const {
  return commands_.synced() && executors_.synced() && runtime_classes_.synced() && nodes_.synced() && leases_.synced();
}

std::shared_ptr<const api::SandboxCommand> ClusterView::FindCommand(const CommandKey& key) const {
  auto command = commands_.Find(key.name);
  return command && command->metadata.uid == key.uid ? command : nullptr;
}

std::shared_ptr<const api::RuntimeClass> ClusterView::FindRuntimeClass(const std::string& name) const {
  return runtime_classes_.Find({"", name});
}

void ClusterView::Rank(const std::string& node_name) {
  std::lock_guard lock(ranking_);
  auto executor = executors_.Find({"", node_name});
  auto node = nodes_.Find({"", node_name});
  const bool takes_commands = executor && SaysReady(*executor) && executor_leases_.IsAlive(node_name) && node;
  if (!takes_commands) return occupancy_.SetNotReady(node_name);
  occupancy_.SetReady(std::move(executor), std::move(node));
}

void ClusterView::CommandChanged(const Pointer<api::SandboxCommand>& before,
                                 const Pointer<api::SandboxCommand>& after) {
  const bool freed = after ? occupancy_.Observe(*after) : occupancy_.Remove(before->metadata.uid);
  if (after) {
    if (after->IsBound()) executor_leases_.Expect(after->status.node_name, clock_.SteadyNow());
    listener_.OnCommand(*after);
  } else {
    listener_.OnCommandLeft(*before);
  }
  if (freed) listener_.OnSlotFreed();
}

void ClusterView::ExecutorChanged(const Pointer<api::SandboxExecutor>& before,
                                  const Pointer<api::SandboxExecutor>& after) {
  Rank(NodeNameOf(before, after));
  if (!before || !after || OffersDiffer(*before, *after)) listener_.OnSupplyChanged();
}

// Nodes are written every few seconds; only their labels matter here.
void ClusterView::NodeChanged(const Pointer<api::Node>& before, const Pointer<api::Node>& after) {
  Rank(NodeNameOf(before, after));
  if (!before || !after || before->metadata.labels != after->metadata.labels) listener_.OnSupplyChanged();
}

void ClusterView::LeaseChanged(const Pointer<kube::Lease>& before, const Pointer<kube::Lease>& after) {
  const SteadyTime now = clock_.SteadyNow();
  if (after) {
    executor_leases_.Observe(*after, now);
  } else {
    executor_leases_.ObserveDeleted(*before, now);
  }
  bool somebody_came = false;
  for (const std::string& node_name : executor_leases_.TakeTurned()) {
    Rank(node_name);
    somebody_came |= executor_leases_.IsAlive(node_name);
  }
  if (somebody_came) listener_.OnSupplyChanged();
}

ClusterView::ExecutorCounts ClusterView::CountExecutors() const {
  ExecutorCounts counts{
      .ready = occupancy_.WithExecutors([](const auto& executors) { return static_cast<int64_t>(executors.size()); })};
  const auto all = executors_.All();
  for (const auto& executor : all) counts.lost += executor_leases_.IsLost(executor->metadata.name) ? 1 : 0;
  counts.not_ready = static_cast<int64_t>(all.size()) - counts.ready - counts.lost;
  return counts;
}

std::map<std::string, int64_t> ClusterView::CountWaiting() const {
  std::map<std::string, int64_t> counts;
  for (const auto& command : commands_.All()) {
    const auto* scheduled = api::FindCondition(command->status.conditions, api::condition::kScheduled);
    if (scheduled != nullptr && scheduled->status == api::ConditionStatus::kFalse) ++counts[scheduled->reason];
  }
  return counts;
}

Liveness ClusterView::LivenessOfBound(const api::SandboxCommand& command) const {
  return executor_leases_.IsLost(command.status.node_name) ? Liveness::kLost : Liveness::kAlive;
}

void ClusterView::NoticeLosses() {
  for (const std::string& node_name : executor_leases_.TakeNewlyLost()) listener_.OnExecutorLost(node_name);
}

}  // namespace fumehood::controller
