#include "controller/apply.h"

#include <utility>

#include "controller/resources.h"
#include "lib/api/names.h"

namespace fumehood::controller {
namespace {

using api::ConditionStatus;

api::Condition MakeCondition(std::string_view type, ConditionStatus status, std::string_view reason,
                             std::string message, WallTime now) {
  return {std::string(type), status, std::string(reason), std::move(message), now};
}

}  // namespace

Status Apply::Write(const api::SandboxCommand& command, const Bind& bind, std::stop_token stop) {
  const WallTime now = clock_.WallNow();
  api::SandboxCommandStatus changed;
  changed.phase = api::Phase::kScheduled;
  changed.node_name = bind.node_name;
  changed.executor = bind.executor;
  changed.attempt = command.status.attempt + 1;
  changed.conditions = command.status.conditions;
  SetCondition(changed.conditions,
               MakeCondition(api::condition::kScheduled, ConditionStatus::kTrue, api::reason::kBound,
                             "bound to the executor of " + bind.node_name, now));
  return Patch(command, changed, stop);
}

Status Apply::Write(const api::SandboxCommand& command, const Wait& wait, std::stop_token stop) {
  const WallTime now = clock_.WallNow();
  api::SandboxCommandStatus changed;
  changed.phase = api::Phase::kPending;
  changed.queued_time = command.status.queued_time.value_or(now);
  changed.conditions = command.status.conditions;
  SetCondition(changed.conditions,
               MakeCondition(api::condition::kScheduled, ConditionStatus::kFalse, wait.reason, wait.message, now));
  return Patch(command, changed, stop);
}

Status Apply::Write(const api::SandboxCommand& command, const End& end, std::stop_token stop) {
  const WallTime now = clock_.WallNow();
  api::SandboxCommandStatus changed;
  changed.phase = end.phase;
  changed.completion_time = now;
  changed.conditions = command.status.conditions;
  SetCondition(changed.conditions,
               MakeCondition(api::condition::kFinished, ConditionStatus::kTrue, end.reason, end.message, now));
  SetCondition(changed.conditions,
               MakeCondition(api::condition::kSucceeded, ConditionStatus::kFalse, end.reason, end.message, now));
  return Patch(command, changed, stop);
}

Status Apply::Delete(const api::SandboxCommand& command, std::stop_token stop) {
  return client_.Delete(kSandboxCommands, {command.metadata.ns, command.metadata.name},
                        {command.metadata.uid, command.metadata.resource_version}, stop);
}

Status Apply::Patch(const api::SandboxCommand& command, const api::SandboxCommandStatus& changed,
                    std::stop_token stop) {
  const kube::Json patch = {
      {"metadata", {{"uid", command.metadata.uid}, {"resourceVersion", command.metadata.resource_version}}},
      {"status", ToJson(changed)}};
  const auto patched = client_.Patch(kSandboxCommands, {command.metadata.ns, command.metadata.name},
                                     kube::PatchKind::kMerge, patch, "status", stop);
  if (!patched) return std::unexpected(patched.error());
  return {};
}

bool AlreadySays(const api::SandboxCommand& command, const Wait& wait) {
  const auto* scheduled = api::FindCondition(command.status.conditions, api::condition::kScheduled);
  return scheduled != nullptr && scheduled->status == ConditionStatus::kFalse && scheduled->reason == wait.reason &&
         scheduled->message == wait.message;
}

}  // namespace fumehood::controller
