#include "controller/retention.h"

#include <algorithm>
#include <optional>
#include <string_view>
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

constexpr std::string_view kFinishedSelector =
    "status.phase!=,status.phase!=Pending,status.phase!=Scheduled,status.phase!=Running";

std::optional<size_t> IndexOf(const std::vector<std::string>& columns, std::string_view name) {
  const auto found = std::ranges::find(columns, name);
  if (found == columns.end()) return std::nullopt;
  return static_cast<size_t>(found - columns.begin());
}

}  // namespace

Retention::Retention(kube::Client& client, Apply& apply, kube::WorkQueue<CommandKey>& queue, const Clock& clock,
                     const service::Log& log)
    : client_(client), apply_(apply), queue_(queue), clock_(clock), log_(log) {}

void Retention::OnCommandLeft(const api::SandboxCommand& last) {
  queue_.AddAfter(KeyOf(last), last.spec.ttl_after_finished);
}

Status Retention::Sweep(std::stop_token stop) {
  const kube::ListOptions options{
      .ns = "", .field_selector = std::string(kFinishedSelector), .label_selector = "", .resource_version = ""};
  const auto table = client_.ListAsTable(kSandboxCommands, options, stop);
  if (!table) return std::unexpected(table.error());
  const auto completed = IndexOf(table->columns, kCompletedColumn);
  const auto ttl = IndexOf(table->columns, kTtlColumn);
  if (!completed || !ttl) {
    return Fail(
        ErrorCode::kInvalid,
        "sweep finished commands: the CRD {}.{} has no printer columns {} and {}; apply the CRD of this release",
        api::kSandboxCommandPlural, api::kGroup, kCompletedColumn, kTtlColumn);
  }
  for (const auto& row : table->rows) {
    if (row.cells.size() <= std::max(*completed, *ttl) || !row.cells[*completed].is_string()) continue;
    const auto end = ParseTime(row.cells[*completed].get<std::string>());
    if (!end || !row.cells[*ttl].is_number_integer()) continue;
    const auto due = *end + std::chrono::seconds(row.cells[*ttl].get<int64_t>());
    queue_.AddAfter({row.name, row.uid}, ceil<milliseconds>(due - clock_.WallNow()));
  }
  return {};
}

kube::Outcome Retention::Check(const CommandKey& key, std::stop_token stop) {
  const auto object = client_.Get(kSandboxCommands, key.name, stop);
  if (!object) {
    const ErrorCode code = object.error().code;
    if (code == ErrorCode::kNotFound || code == ErrorCode::kCancelled) return kube::Settled{};
    log_.Warning("can't look at a finished command, will try again", {kv("error", object.error().message)});
    return kube::TryAgain{};
  }
  const auto command = api::ReadSandboxCommand(*object);
  if (!command) {
    log_.Warning("can't read a finished command", {kv("error", command.error().message)});
    return kube::Settled{};
  }
  if (command->metadata.uid != key.uid || !command->IsFinished()) return kube::Settled{};
  const auto due = *command->status.completion_time + command->spec.ttl_after_finished;
  if (const auto left = ceil<milliseconds>(due - clock_.WallNow()); left > milliseconds::zero()) {
    return kube::LookAgain{left};
  }
  if (const Status deleted = apply_.Delete(*command, stop); !deleted) {
    const ErrorCode code = deleted.error().code;
    if (code == ErrorCode::kNotFound || code == ErrorCode::kCancelled) return kube::Settled{};
    log_.Warning("can't delete a finished command, will try again", {kv("error", deleted.error().message)});
    return kube::TryAgain{};
  }
  log_.Info("finished command deleted after its time to live",
            {kv("command", FullName(command->metadata)), kv("uid", command->metadata.uid)});
  return kube::Settled{};
}

}  // namespace fumehood::controller
