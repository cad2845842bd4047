#include "controller/retention.h"

#include <algorithm>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "controller/resources.h"
#include "lib/api/names.h"

namespace fumehood::controller {
namespace {

using service::kv;
using std::chrono::ceil;
using std::chrono::milliseconds;

// Column names of the CRD that the sweep reads.
constexpr std::string_view kCompletedColumn = "Completed";
constexpr std::string_view kTtlColumn = "TTL";
constexpr std::string_view kSizeColumn = "Size";

// A finished command is looked at after so long: off the way of what is running, and early enough for the limits.
constexpr std::chrono::seconds kFirstLook{5};
// How often a sweep looks for what no event has shown.
constexpr std::chrono::minutes kSweepPeriod{5};
// Of a command whose status doesn't say how large it is.
constexpr int64_t kUnknownBytes = 4'096;

std::string_view Describe(DeletionCause cause) {
  switch (cause) {
    case DeletionCause::kTtl: return "its time to live is over";
    case DeletionCause::kNamespaceLimit: return "its namespace keeps too much";
    case DeletionCause::kTotalLimit: break;
  }
  return "too much is kept in all";
}

int64_t BytesOr(const kube::Json& cell, int64_t otherwise) {
  return cell.is_number_integer() && cell.get<int64_t>() > 0 ? cell.get<int64_t>() : otherwise;
}

constexpr std::string_view kFinishedSelector =
    "status.phase!=,status.phase!=Pending,status.phase!=Scheduled,status.phase!=Running";

std::optional<size_t> IndexOf(const std::vector<std::string>& columns, std::string_view name) {
  const auto found = std::ranges::find(columns, name);
  if (found == columns.end()) return std::nullopt;
  return static_cast<size_t>(found - columns.begin());
}

}  // namespace

Retention::Retention(Parts parts) : parts_(std::move(parts)) {}

void Retention::OnCommandLeft(const api::SandboxCommand& last) {
  parts_.queue.AddAfter(KeyOf(last), std::min(last.spec.ttl_after_finished, kFirstLook));
}

void Retention::RequestSweep() {
  std::lock_guard lock(mutex_);
  sweep_requested_ = true;
}

void Retention::SweepIfDue(std::stop_token stop) {
  if (!parts_.is_leader()) return;
  {
    std::lock_guard lock(mutex_);
    const SteadyTime now = parts_.clock.SteadyNow();
    if (!sweep_requested_ && now - last_sweep_ < kSweepPeriod) return;
    sweep_requested_ = false;
    last_sweep_ = now;
  }
  const Status swept = Sweep(stop);
  if (swept || stop.stop_requested()) return;
  parts_.log.Warning("sweep failed, will try again", {kv("error", swept.error().message)});
  RequestSweep();
}

Status Retention::Sweep(std::stop_token stop) {
  const kube::ListOptions options{
      .ns = "", .field_selector = std::string(kFinishedSelector), .label_selector = "", .resource_version = ""};
  const auto table = parts_.client.ListAsTable(kSandboxCommands, options, stop);
  if (!table) return std::unexpected(table.error());
  const auto completed = IndexOf(table->columns, kCompletedColumn);
  const auto ttl = IndexOf(table->columns, kTtlColumn);
  const auto size = IndexOf(table->columns, kSizeColumn);
  if (!completed || !ttl || !size) {
    return Fail(
        ErrorCode::kInvalid,
        "sweep finished commands: the CRD {}.{} has no printer columns {}, {} and {}; apply the CRD of this release",
        api::kSandboxCommandPlural, api::kGroup, kCompletedColumn, kTtlColumn, kSizeColumn);
  }
  std::vector<FinishedIndex::Entry> entries;
  for (const auto& row : table->rows) {
    if (row.cells.size() <= std::max({*completed, *ttl, *size}) || !row.cells[*completed].is_string()) continue;
    const auto end = ParseTime(row.cells[*completed].get<std::string>());
    if (!end || !row.cells[*ttl].is_number_integer()) continue;
    entries.push_back({{row.name, row.uid}, *end, BytesOr(row.cells[*size], kUnknownBytes)});
    const auto due = *end + std::chrono::seconds(row.cells[*ttl].get<int64_t>());
    parts_.queue.AddAfter({row.name, row.uid}, ceil<milliseconds>(due - parts_.clock.WallNow()));
  }

  std::lock_guard lock(mutex_);
  finished_.Replace(entries);
  chosen_.clear();
  for (const auto& [key, limit] : finished_.ChooseExcess(parts_.limits)) {
    chosen_.emplace(key, limit);
    parts_.queue.Add(key);
  }
  return {};
}

void Retention::Note(const api::SandboxCommand& command) {
  const int64_t bytes = command.status.stored_bytes;
  std::lock_guard lock(mutex_);
  finished_.Put({KeyOf(command), *command.status.completion_time, bytes > 0 ? bytes : kUnknownBytes});
  sweep_requested_ = sweep_requested_ || finished_.Exceeds(parts_.limits);
}

void Retention::Forget(const CommandKey& key) {
  std::lock_guard lock(mutex_);
  finished_.Remove(key);
  chosen_.erase(key);
}

std::optional<DeletionCause> Retention::CauseOfDeletion(const api::SandboxCommand& command) {
  if (*command.status.completion_time + command.spec.ttl_after_finished <= parts_.clock.WallNow()) {
    return DeletionCause::kTtl;
  }
  std::lock_guard lock(mutex_);
  const auto chosen = chosen_.find(KeyOf(command));
  if (chosen == chosen_.end()) return std::nullopt;
  return chosen->second == LimitKind::kNamespace ? DeletionCause::kNamespaceLimit : DeletionCause::kTotalLimit;
}

kube::Outcome Retention::Check(const CommandKey& key, std::stop_token stop) {
  if (!parts_.is_leader()) return kube::Settled{};
  const auto object = parts_.client.Get(kSandboxCommands, key.name, stop);
  if (!object) {
    if (object.error().code == ErrorCode::kNotFound) Forget(key);
    return TryAgainUnlessOver(object.error(), "look at");
  }
  const auto command = api::ReadSandboxCommand(*object);
  if (!command) {
    parts_.log.Warning("can't read a finished command", {kv("error", command.error().message)});
    return kube::Settled{};
  }
  if (command->metadata.uid != key.uid) {
    Forget(key);
    return kube::Settled{};
  }
  if (!command->IsFinished()) return kube::Settled{};

  const auto cause = CauseOfDeletion(*command);
  if (!cause) {
    Note(*command);
    const auto due = *command->status.completion_time + command->spec.ttl_after_finished;
    return kube::LookAgain{ceil<milliseconds>(due - parts_.clock.WallNow())};
  }
  const Status deleted = parts_.apply.Delete(key, command->metadata.resource_version, stop);
  if (!deleted && deleted.error().code != ErrorCode::kNotFound) return TryAgainUnlessOver(deleted.error(), "delete");
  Forget(key);
  if (deleted) parts_.metrics.CommandDeleted(*cause);
  parts_.log.Info("finished command deleted",
                  {kv("command", FullName(command->metadata)), kv("uid", key.uid), kv("cause", Describe(*cause))});
  return kube::Settled{};
}

kube::Outcome Retention::TryAgainUnlessOver(const Error& error, std::string_view tried) {
  if (error.code == ErrorCode::kNotFound || error.code == ErrorCode::kCancelled) return kube::Settled{};
  parts_.log.Warning("can't handle a finished command, will try again",
                     {kv("tried", tried), kv("error", error.message)});
  return kube::TryAgain{};
}

Retention::Kept Retention::kept() const {
  std::lock_guard lock(mutex_);
  return {finished_.count(), finished_.total_bytes()};
}

}  // namespace fumehood::controller
