#include "controller/reconciler.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "lib/api/names.h"

namespace fumehood::controller {
namespace {

using service::kv;
using std::chrono::duration_cast;
using std::chrono::milliseconds;

// A command that starts within this time doesn't cost a write and an Event that say it waited.
constexpr milliseconds kSilentWait{1'000};

// After an executor could not run a command: twice as long each time, so that a broken node isn't asked in a loop.
milliseconds RebindDelay(const api::SandboxCommand& command) {
  if (HandedBackBecause(command) != api::reason::kRejected) return milliseconds(0);
  return milliseconds(1'000) * (int64_t{1} << std::min<int64_t>(command.status.retries, 5));
}

// Nobody has to do anything about it.
bool IsOrdinary(const Wait& wait) {
  return wait.reason == api::reason::kQueued || wait.reason == api::reason::kQuotaExceeded;
}

kube::ObjectReference ReferenceTo(const api::SandboxCommand& command) {
  return {std::string(api::kApiVersion), std::string(api::kSandboxCommandKind), command.metadata.ns,
          command.metadata.name, command.metadata.uid};
}

}  // namespace

Reconciler::Reconciler(Parts parts)
    : clock_(parts.clock),
      log_(parts.log),
      apply_(parts.apply),
      events_(parts.events),
      queue_(parts.queue),
      retention_(parts.retention),
      own_writes_(parts.own_writes),
      metrics_(parts.metrics),
      configuration_(std::move(parts.configuration)),
      is_leader_(std::move(parts.is_leader)) {}

kube::Outcome Reconciler::Reconcile(const CommandKey& key, std::stop_token stop) {
  if (!is_leader_()) return kube::Settled{};
  // Deciding before everything has been listed would find no executor and no RuntimeClass where there are some.
  if (!view_->synced()) return kube::LookAgain{milliseconds(50)};
  const auto command = view_->FindCommand(key);
  if (!command) {
    LeaveLine(key);
    return kube::Settled{};
  }
  // What we wrote last is not what we see yet; the watch will bring it.
  if (own_writes_.IsBehind(key.uid, command->metadata.resource_version)) {
    metrics_.StaleSyncSkipped();
    return kube::Settled{};
  }

  bool slots_left = false;
  const Decision decision = DecideAndAssume(*command, slots_left);
  // Whoever is next in line need not wait until this is written.
  if (slots_left) TryNext();
  return std::visit([&](const auto& decided) { return Carry(*command, decided, stop); }, decision);
}

void Reconciler::LeaveLine(const CommandKey& key) {
  if (!line_.Since(key)) return;
  line_.Leave(key);
  TryNext();
}

void Reconciler::TryNext() {
  if (const auto next = line_.Next()) queue_.Add(*next);
}

Decision Reconciler::DecideAndAssume(const api::SandboxCommand& command, bool& slots_left) {
  const auto runtime_class = view_->FindRuntimeClass(command.spec.runtime_class_name);
  const auto configuration = configuration_();
  const auto& metadata = command.metadata;
  Occupancy& occupancy = view_->occupancy();
  std::lock_guard lock(placing_);
  const WaitingLine::Moment moment = line_.now();
  const int64_t running = occupancy.CountOthersIn(metadata.ns, metadata.uid);
  const Liveness bound_executor = view_->LivenessOfBound(command);
  Decision decision = occupancy.WithExecutors([&](const RankedExecutors& executors) {
    return Decide(command, {.configuration = *configuration,
                            .runtime_class = runtime_class.get(),
                            .executors = executors,
                            .running = running,
                            .bound_executor = bound_executor});
  });
  decision = TakePlaceInLine(command, std::move(decision), moment,
                             EffectivePriority(command.spec, configuration->RulesOf(metadata.ns)));
  const auto* bind = std::get_if<Bind>(&decision);
  if (bind != nullptr) occupancy.Assume(command, bind->node_name, bind->resources);
  slots_left = occupancy.HasFreeSlot();
  return decision;
}

Decision Reconciler::TakePlaceInLine(const api::SandboxCommand& command, Decision decision, WaitingLine::Moment moment,
                                     int64_t priority) {
  const auto* bind = std::get_if<Bind>(&decision);
  const auto* wait = std::get_if<Wait>(&decision);
  const CommandKey key = KeyOf(command);
  if (bind == nullptr && wait == nullptr) {
    line_.StandAside(key);
    return decision;
  }
  const SteadyTime now = clock_.SteadyNow();
  const WallTime came = command.status.queued_time.value_or(clock_.WallNow());
  const SteadyTime since = line_.Join(key, priority, came, now);
  if (bind != nullptr) {
    if (now - since < RebindDelay(command)) {
      line_.StandAside(key);
      return Wait{api::reason::kRejected, "an executor handed it back; it is bound again shortly"};
    }
    if (!line_.IsItsTurn(key)) {
      Wait turn = WaitForASlot();
      turn.retries = bind->retries;
      return turn;
    }
    line_.Serve(key);
  } else if (wait->reason == api::reason::kQueued) {
    line_.PassOver(key, moment);
  } else if (wait->reason == api::reason::kQuotaExceeded) {
    line_.PassOverNamespace(key, moment);
  } else {
    line_.StandAside(key);
  }
  return decision;
}

kube::Outcome Reconciler::Carry(const api::SandboxCommand& command, const Nothing&, std::stop_token) {
  LeaveLine(KeyOf(command));
  return kube::Settled{};
}

kube::Outcome Reconciler::Carry(const api::SandboxCommand& command, const Bind& bind, std::stop_token stop) {
  if (const Status written = apply_.Write(command, bind, stop); !written) {
    view_->occupancy().Forget(command.metadata.uid);
    OnSlotFreed();
    return WriteFailed(command, "bind", written.error());
  }
  CountBind(command);
  LeaveLine(KeyOf(command));
  if (bind.retries > command.status.retries) {
    events_.Record({.regarding = ReferenceTo(command),
                    .type = kube::EventType::kWarning,
                    .reason = "BoundAnew",
                    .action = "Scheduling",
                    .note = fmt::format("attempt {} on {} came to nothing; bound to {}", command.status.attempt,
                                        command.status.node_name, bind.node_name)});
  }
  log_.Info("command bound", {kv("command", FullName(command.metadata)), kv("uid", command.metadata.uid),
                              kv("node", bind.node_name), kv("attempt", command.status.attempt + 1)});
  return kube::Settled{};
}

void Reconciler::CountBind(const api::SandboxCommand& command) {
  const SteadyTime now = clock_.SteadyNow();
  if (command.status.attempt == 0) return metrics_.CommandBound(now - line_.Since(KeyOf(command)).value_or(now));
  metrics_.CommandBound(std::nullopt);
  const std::string_view because = HandedBackBecause(command);
  metrics_.CommandRebound(because == api::reason::kRejected   ? RebindCause::kRejected
                          : because == api::reason::kDraining ? RebindCause::kDraining
                                                              : RebindCause::kExecutorLost);
}

kube::Outcome Reconciler::Carry(const api::SandboxCommand& command, const Wait& wait, std::stop_token stop) {
  const SteadyTime now = clock_.SteadyNow();
  const auto waited = duration_cast<milliseconds>(now - line_.Since(KeyOf(command)).value_or(now));
  if (wait.reason == api::reason::kRejected) {
    return kube::LookAgain{std::max(RebindDelay(command) - waited, milliseconds(1))};
  }
  if (AlreadySays(command, wait)) return kube::Settled{};
  if (waited < kSilentWait) return kube::LookAgain{kSilentWait - waited};

  if (const Status written = apply_.Write(command, wait, stop); !written) {
    return WriteFailed(command, "say why it waits", written.error());
  }
  events_.Record({.regarding = ReferenceTo(command),
                  .type = IsOrdinary(wait) ? kube::EventType::kNormal : kube::EventType::kWarning,
                  .reason = std::string(wait.reason),
                  .action = "Scheduling",
                  .note = wait.message});
  log_.Info("command waits", {kv("command", FullName(command.metadata)), kv("uid", command.metadata.uid),
                              kv("reason", wait.reason), kv("why", wait.message)});
  return kube::Settled{};
}

kube::Outcome Reconciler::Carry(const api::SandboxCommand& command, const End& end, std::stop_token stop) {
  if (const Status written = apply_.Write(command, end, stop); !written) {
    return WriteFailed(command, "end", written.error());
  }
  metrics_.CommandEnded(end.reason);
  LeaveLine(KeyOf(command));
  log_.Info("command ended without a run",
            {kv("command", FullName(command.metadata)), kv("uid", command.metadata.uid),
             kv("phase", api::ToString(end.phase)), kv("reason", end.reason), kv("why", end.message)});
  return kube::Settled{};
}

kube::Outcome Reconciler::WriteFailed(const api::SandboxCommand& command, std::string_view what, const Error& error) {
  if (error.code == ErrorCode::kNotFound || error.code == ErrorCode::kCancelled) return kube::Settled{};
  // A conflict is the ordinary way to learn that the command has changed; the watch brings the change.
  if (error.code == ErrorCode::kConflict) {
    log_.Debug("command changed meanwhile", {kv("command", FullName(command.metadata)), kv("tried", what)});
  } else {
    log_.Warning("write failed, will try again",
                 {kv("command", FullName(command.metadata)), kv("tried", what), kv("error", error.message)});
  }
  return kube::TryAgain{};
}

void Reconciler::WakeAll() {
  line_.Reconsider();
  for (const CommandKey& key : line_.All()) queue_.Add(key);
}

void Reconciler::OnCommand(const api::SandboxCommand& command) { queue_.Add(KeyOf(command)); }

void Reconciler::OnCommandLeft(const api::SandboxCommand& last) {
  const CommandKey key = KeyOf(last);
  LeaveLine(key);
  queue_.Forget(key);
  own_writes_.Forget(key.uid);
  retention_.OnCommandLeft(last);
}

void Reconciler::OnSlotFreed() {
  line_.Reconsider();
  TryNext();
}

void Reconciler::OnExecutorLost(const std::string& node_name) {
  if (is_leader_()) metrics_.ExecutorLost();
  log_.Warning("executor lost: its lease has run out", {kv("node", node_name)});
  for (const auto& command : view_->AllCommands()) {
    if (command->IsBound() && command->status.node_name == node_name) queue_.Add(KeyOf(*command));
  }
}

void Reconciler::LookAtAll() {
  for (const auto& command : view_->AllCommands()) queue_.Add(KeyOf(*command));
}

void Reconciler::OnProblem(const Error& error) {
  log_.Warning("watch interrupted, will try again", {kv("error", error.message)});
}

}  // namespace fumehood::controller
