#include "controller/cluster_view.h"

#include "lib/api/names.h"

namespace fumehood::controller {
namespace {

bool SaysReady(const api::SandboxExecutor& executor) {
  const auto* ready = api::FindCondition(executor.status.conditions, api::condition::kReady);
  return ready != nullptr && ready->status == api::ConditionStatus::kTrue;
}

// Whether the two differ in anything but their heartbeat.
bool OffersDiffer(const api::SandboxExecutor& a, const api::SandboxExecutor& b) {
  return SaysReady(a) != SaysReady(b) || a.status.slots != b.status.slots || a.status.images != b.status.images ||
         a.status.handlers != b.status.handlers || a.status.executor.pod_uid != b.status.executor.pod_uid;
}

bool LabelsDiffer(const std::shared_ptr<const api::Node>& a, const std::shared_ptr<const api::Node>& b) {
  return !a || !b || a->metadata.labels != b->metadata.labels;
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
                  .on_synced =
                      [this] {
                        heartbeats_.RestartTimers(clock_.SteadyNow());
                        listener_.OnSupplyChanged();
                      },
                  .on_problem = [this](const Error& error) { listener_.OnProblem(error); }}),
      runtime_classes_(api::ReadRuntimeClass,
                       {.on_change = [this](const auto&, const auto&) { listener_.OnSupplyChanged(); },
                        .on_synced = [this] { listener_.OnSupplyChanged(); },
                        .on_problem = [this](const Error& error) { listener_.OnProblem(error); }}),
      // Nodes are written every few seconds; only their labels matter here.
      nodes_(api::ReadNode, {.on_change =
                                 [this](const auto& before, const auto& after) {
                                   if (LabelsDiffer(before, after)) listener_.OnSupplyChanged();
                                 },
                             .on_synced = [this] { listener_.OnSupplyChanged(); },
                             .on_problem = [this](const Error& error) { listener_.OnProblem(error); }}) {}

bool ClusterView::synced() const {
  return commands_.synced() && executors_.synced() && runtime_classes_.synced() && nodes_.synced();
}

std::shared_ptr<const api::SandboxCommand> ClusterView::FindCommand(const CommandKey& key) const {
  auto command = commands_.Find(key.name);
  return command && command->metadata.uid == key.uid ? command : nullptr;
}

std::shared_ptr<const api::RuntimeClass> ClusterView::FindRuntimeClass(const std::string& name) const {
  return runtime_classes_.Find({"", name});
}

std::vector<ReadyExecutor> ClusterView::ReadyExecutors() const {
  const SteadyTime now = clock_.SteadyNow();
  std::vector<ReadyExecutor> ready;
  for (auto& executor : executors_.All()) {
    const std::string& node_name = executor->metadata.name;
    if (!SaysReady(*executor) || !heartbeats_.IsAlive(node_name, now)) continue;
    auto node = nodes_.Find({"", node_name});
    if (!node) continue;
    const int64_t busy = occupancy_.CountOn(node_name);
    ready.push_back({std::move(executor), std::move(node), busy});
  }
  return ready;
}

void ClusterView::CommandChanged(const Pointer<api::SandboxCommand>& before,
                                 const Pointer<api::SandboxCommand>& after) {
  const bool freed = after ? occupancy_.Observe(*after) : occupancy_.Remove(before->metadata.uid);
  if (after) {
    listener_.OnCommand(*after);
  } else {
    listener_.OnCommandLeft(*before);
  }
  if (freed) listener_.OnSlotFreed();
}

void ClusterView::ExecutorChanged(const Pointer<api::SandboxExecutor>& before,
                                  const Pointer<api::SandboxExecutor>& after) {
  if (!after) {
    heartbeats_.Remove(before->metadata.name);
    return listener_.OnSupplyChanged();
  }
  const bool came_alive = heartbeats_.Observe(*after, clock_.SteadyNow());
  if (came_alive || !before || OffersDiffer(*before, *after)) listener_.OnSupplyChanged();
}

}  // namespace fumehood::controller
