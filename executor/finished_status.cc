#include "executor/finished_status.h"

#include <algorithm>
#include <string_view>

#include "lib/api/names.h"
#include "lib/api/output_encoding.h"
#include "lib/api/stored_size.h"

namespace fumehood::executor {
namespace {

// Leaves at most `max` bytes: half from the head, half from the tail.
api::KeptOutput Shorten(const sandbox::CapturedOutput& output, uint64_t max) {
  std::string_view head = output.head;
  std::string_view tail = output.tail;
  if (head.size() + tail.size() > max) {
    // A tail of its own begins where something was dropped; else it is the end of the head.
    if (tail.empty()) tail = head.substr(head.size() - max / 2);
    tail = tail.substr(tail.size() - std::min<uint64_t>(tail.size(), max / 2));
    head = head.substr(0, max - max / 2);
  }
  return {head, tail, output.total_bytes};
}

}  // namespace

api::SandboxCommandStatus FinishedStatus(const Outcome& outcome, uint64_t max_output_bytes) {
  api::SandboxCommandStatus status = outcome.status;
  EncodeOutputs(Shorten(outcome.stdout_output, max_output_bytes), Shorten(outcome.stderr_output, max_output_bytes),
                *status.result);
  status.stored_bytes = outcome.spec_bytes + StoredBytes(status);
  return status;
}

api::SandboxCommandStatus BareStatus(const Outcome& outcome) {
  api::SandboxCommandStatus status;
  status.phase = outcome.status.phase;
  status.start_time = outcome.status.start_time;
  status.completion_time = outcome.status.completion_time;
  for (const api::Condition& condition : outcome.status.conditions) {
    if (condition.type == api::condition::kScheduled) continue;
    status.conditions.push_back(condition);
    status.conditions.back().message = "the object takes no more: outputs and details are left out";
  }
  status.result = outcome.status.result;
  status.result->stdout_bytes = static_cast<int64_t>(outcome.stdout_output.total_bytes);
  status.result->stderr_bytes = static_cast<int64_t>(outcome.stderr_output.total_bytes);
  status.result->stdout_truncated = outcome.stdout_output.total_bytes > 0;
  status.result->stderr_truncated = outcome.stderr_output.total_bytes > 0;
  status.stored_bytes = outcome.spec_bytes + StoredBytes(status);
  return status;
}

}  // namespace fumehood::executor
