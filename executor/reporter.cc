#include "executor/reporter.h"

#include <string_view>
#include <utility>

#include "executor/finished_status.h"
#include "executor/resources.h"
#include "lib/api/names.h"

namespace fumehood::executor {
namespace {

using service::kv;
using std::chrono::milliseconds;

// A result waits for nobody: the first repetitions come quickly.
constexpr kube::RetryPolicy kRepetition{.initial = milliseconds(50), .max = milliseconds(15'000)};

std::string_view ReasonOf(const Outcome& outcome) {
  const auto* finished = api::FindCondition(outcome.status.conditions, api::condition::kFinished);
  return finished == nullptr ? std::string_view() : finished->reason;
}

}  // namespace

Reporter::Reporter(Parts parts)
    : client_(parts.client),
      ledger_(parts.ledger),
      clock_(parts.clock),
      log_(parts.log),
      metrics_(parts.metrics),
      queue_(clock_, kRepetition, parts.queue_observer) {}

void Reporter::Report(const AttemptKey& key, Outcome outcome) {
  const uint64_t max_output_bytes = outcome.max_output_bytes;
  metrics_.AttemptEnded(ReasonOf(outcome));
  Enqueue(key, PendingResult{std::move(outcome), max_output_bytes});
}

void Reporter::GiveBack(const AttemptKey& key, HandBack why) {
  metrics_.HandedBack(why.reason);
  Enqueue(key, std::move(why));
}

void Reporter::Enqueue(const AttemptKey& key, std::variant<PendingResult, HandBack> what) {
  {
    std::lock_guard lock(mutex_);
    pending_[key] = std::make_shared<Pending>(Pending{std::move(what), clock_.SteadyNow()});
  }
  queue_.Add(key);
}

std::shared_ptr<Reporter::Pending> Reporter::Find(const AttemptKey& key) {
  std::lock_guard lock(mutex_);
  const auto found = pending_.find(key);
  return found == pending_.end() ? nullptr : found->second;
}

void Reporter::Settle(const AttemptKey& key) {
  ledger_.Drop(key);
  std::lock_guard lock(mutex_);
  const auto settled = pending_.extract(key);
  if (!settled.empty()) metrics_.Reported(clock_.SteadyNow() - settled.mapped()->since);
  settled_.notify_all();
}

size_t Reporter::pending_count() const {
  std::lock_guard lock(mutex_);
  return pending_.size();
}

bool Reporter::WaitUntilNothingIsPending(milliseconds patience, std::stop_token stop) {
  std::unique_lock lock(mutex_);
  return settled_.wait_for(lock, stop, patience, [this] { return pending_.empty(); });
}

kube::Outcome Reporter::Deliver(const AttemptKey& key, std::stop_token stop) {
  const auto what = Find(key);
  if (!what) return kube::Settled{};
  return std::visit([&](auto& one) { return Write(key, one, stop); }, what->what);
}

kube::Outcome Reporter::Write(const AttemptKey& key, PendingResult& result, std::stop_token stop) {
  const Outcome& outcome = result.outcome;
  const auto status = result.bare ? BareStatus(outcome) : FinishedStatus(outcome, result.max_output_bytes);
  const Status written = Patch(key, ResultPatch(key, status), stop);
  if (written) {
    log_.Info("command finished",
              {kv("command", FullName(key)), kv("uid", key.uid), kv("attempt", key.attempt),
               kv("reason", ReasonOf(outcome)), kv("millis", status.duration.value_or(milliseconds(0)).count())});
    Settle(key);
    return kube::Settled{};
  }
  const Error& error = written.error();
  if (error.code == ErrorCode::kTooLarge && !result.bare) {
    result.bare = result.max_output_bytes == 0;
    result.max_output_bytes /= 2;
    log_.Warning("result too large, shortening it",
                 {kv("command", FullName(key)), kv("uid", key.uid), kv("max_bytes", result.max_output_bytes),
                  kv("bare", result.bare)});
    return kube::LookAgain{milliseconds(0)};
  }
  return GoOnIfWanted(key, error, stop);
}

kube::Outcome Reporter::Write(const AttemptKey& key, HandBack& why, std::stop_token stop) {
  const auto command = ReadWanted(key, stop);
  if (!command) return GoOnIfWanted(key, command.error(), stop);
  if (!command->IsBound()) {  // given back already: by us, or by the controller that took us for lost
    Settle(key);
    return kube::Settled{};
  }
  const Status written = Patch(key, HandBackPatch(*command, why, clock_.WallNow()), stop);
  if (!written) return GoOnIfWanted(key, written.error(), stop);
  log_.Info("attempt handed back", {kv("command", FullName(key)), kv("uid", key.uid), kv("attempt", key.attempt),
                                    kv("reason", why.reason), kv("why", why.message)});
  Settle(key);
  return kube::Settled{};
}

kube::Outcome Reporter::GoOnIfWanted(const AttemptKey& key, const Error& refusal, std::stop_token stop) {
  // Whatever the refusal was about (a failed test, a finished object, an unknown outcome), the object tells.
  const auto command = ReadWanted(key, stop);
  if (!command && command.error().code == ErrorCode::kGone) {
    log_.Info("report not wanted any more",
              {kv("command", FullName(key)), kv("uid", key.uid), kv("attempt", key.attempt)});
    Settle(key);
    return kube::Settled{};
  }
  if (!stop.stop_requested()) {
    log_.Warning("report not accepted, will try again", {kv("command", FullName(key)), kv("uid", key.uid),
                                                         kv("attempt", key.attempt), kv("error", refusal.message)});
  }
  return kube::TryAgain{};
}

Status Reporter::Mention(const AttemptKey& key, WallTime start_time, std::stop_token stop) {
  return Patch(key, RunningPatch(key, start_time), stop);
}

Status Reporter::Patch(const AttemptKey& key, const kube::Json& patch, std::stop_token stop) {
  const auto patched = client_.Patch(kSandboxCommands, key.name, kube::PatchKind::kJson, patch, "status", stop);
  if (!patched) return std::unexpected(patched.error());
  return {};
}

Result<api::SandboxCommand> Reporter::ReadWanted(const AttemptKey& key, std::stop_token stop) {
  const auto object = client_.Get(kSandboxCommands, key.name, stop);
  if (!object) {
    if (object.error().code == ErrorCode::kNotFound) return Fail(ErrorCode::kGone, "the object is gone");
    return std::unexpected(object.error());
  }
  auto command = api::ReadSandboxCommand(*object);
  if (!command) return Forward(std::move(command));
  if (KeyOf(*command) != key) return Fail(ErrorCode::kGone, "it is another object, or at another attempt");
  if (command->IsFinished()) return Fail(ErrorCode::kGone, "it is finished");
  return command;
}

}  // namespace fumehood::executor
