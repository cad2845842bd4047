#include "controller/apply.h"

#include <utility>

#include "controller/resources.h"
#include "lib/api/names.h"
#include "lib/api/stored_size.h"
#include "lib/base/json_fields.h"

namespace fumehood::controller {
namespace {

using api::ConditionStatus;

api::Condition MakeCondition(std::string_view type, ConditionStatus status, std::string_view reason,
                             std::string message, WallTime now) {
  return {std::string(type), status, std::string(reason), std::move(message), now};
}

constexpr std::string_view kNotLeader = "this controller does not lead any more";

// What an attempt that came to nothing has said of its start.
kube::Json WithoutStart(const api::SandboxCommand& command, kube::Json status) {
  if (command.status.start_time) status["startTime"] = nullptr;  // in a merge patch: remove it
  return status;
}

}  // namespace

Status Apply::Write(const api::SandboxCommand& command, const Bind& bind, std::stop_token stop) {
  const WallTime now = parts_.clock.WallNow();
  api::SandboxCommandStatus changed;
  changed.phase = api::Phase::kScheduled;
  changed.node_name = bind.node_name;
  changed.executor = bind.executor;
  changed.attempt = command.status.attempt + 1;
  changed.resources = bind.resources;
  changed.retries = bind.retries;
  changed.conditions = command.status.conditions;
  SetCondition(changed.conditions,
               MakeCondition(api::condition::kScheduled, ConditionStatus::kTrue, api::reason::kBound,
                             "bound to the executor of " + bind.node_name, now));
  return Patch(command, WithoutStart(command, ToJson(changed)), stop);
}

Status Apply::Write(const api::SandboxCommand& command, const Wait& wait, std::stop_token stop) {
  const WallTime now = parts_.clock.WallNow();
  api::SandboxCommandStatus changed;
  changed.phase = api::Phase::kPending;
  changed.retries = wait.retries;
  changed.queued_time = command.status.queued_time.value_or(now);
  changed.conditions = command.status.conditions;
  SetCondition(changed.conditions,
               MakeCondition(api::condition::kScheduled, ConditionStatus::kFalse, wait.reason, wait.message, now));
  return Patch(command, WithoutStart(command, ToJson(changed)), stop);
}

Status Apply::Write(const api::SandboxCommand& command, const End& end, std::stop_token stop) {
  const WallTime now = parts_.clock.WallNow();
  api::SandboxCommandStatus changed;
  changed.phase = end.phase;
  changed.completion_time = now;
  changed.conditions = command.status.conditions;
  // What an attempt did that came to nothing, nobody knows.
  if (command.status.attempt == 0) {
    SetCondition(changed.conditions, MakeCondition(api::condition::kIsolated, ConditionStatus::kUnknown,
                                                   api::reason::kNeverStarted, "the command was not started", now));
  }
  SetCondition(changed.conditions,
               MakeCondition(api::condition::kFinished, ConditionStatus::kTrue, end.reason, end.message, now));
  SetCondition(changed.conditions,
               MakeCondition(api::condition::kSucceeded, ConditionStatus::kFalse, end.reason, end.message, now));
  changed.stored_bytes = StoredBytes(command.spec) + StoredBytes(changed);
  return Patch(command, ToJson(changed), stop);
}

Status Apply::Delete(const CommandKey& key, const std::string& resource_version, std::stop_token stop) {
  if (!parts_.is_leader()) return Fail(ErrorCode::kCancelled, "{}", kNotLeader);
  return parts_.client.Delete(kSandboxCommands, key.name, {key.uid, resource_version}, stop);
}

Status Apply::Patch(const api::SandboxCommand& command, kube::Json status, std::stop_token stop) {
  if (!parts_.is_leader()) return Fail(ErrorCode::kCancelled, "{}", kNotLeader);
  const auto& metadata = command.metadata;
  const kube::Json patch = {{"metadata", {{"uid", metadata.uid}, {"resourceVersion", metadata.resource_version}}},
                            {"status", std::move(status)}};
  const auto patched = parts_.client.Patch(kSandboxCommands, {metadata.ns, metadata.name}, kube::PatchKind::kMerge,
                                           patch, "status", stop);
  if (!patched) return std::unexpected(patched.error());
  parts_.own_writes.WroteAt(metadata.uid, StringAt(FieldAt(*patched, "metadata"), "resourceVersion"));
  return {};
}

bool AlreadySays(const api::SandboxCommand& command, const Wait& wait) {
  const auto* scheduled = api::FindCondition(command.status.conditions, api::condition::kScheduled);
  return scheduled != nullptr && scheduled->status == ConditionStatus::kFalse && scheduled->reason == wait.reason &&
         scheduled->message == wait.message && command.status.retries == wait.retries;
}

}  // namespace fumehood::controller
