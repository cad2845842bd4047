// What should happen next to one command. Pure: same inputs, same answer; no IO, no clock, no log.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <variant>

#include "lib/api/sandbox_command.h"
#include "lib/api/sandbox_executor.h"
#include "lib/api/scheduling.h"

namespace fumehood::controller {

// An executor that takes commands now: its SandboxExecutor is ready and fresh.
// The objects are shared with the view, which replaces but never changes them: a decision over a thousand executors
// must not copy a thousand offers.
struct ReadyExecutor {
  std::shared_ptr<const api::SandboxExecutor> offer;
  std::shared_ptr<const api::Node> node;
  int64_t busy = 0;  // commands bound to it, as observed or as assumed after our own writes

  const std::string& node_name() const { return offer->metadata.name; }
  int64_t slots() const { return offer->status.slots; }
  int64_t free_slots() const { return slots() - busy; }
};

// Nothing for us to do: it is an executor's business, or finished.
struct Nothing {};

// Bind it to this executor.
struct Bind {
  std::string node_name;
  api::ExecutorReference executor;
};

// It can't start now, and goes on by itself when that changes.
struct Wait {
  std::string_view reason;  // of the condition Scheduled
  std::string message;      // the same text as long as the cause is the same
};

// It ends without having run.
struct End {
  api::Phase phase = api::Phase::kFailed;
  std::string_view reason;  // of the conditions Finished and Succeeded
  std::string message;
};

using Decision = std::variant<Nothing, Bind, Wait, End>;

// So many times an executor may hand a command back before the command ends.
inline constexpr int64_t kMaxAttempts = 3;

// `runtime_class` is the one that the command names, null where there is none.
Decision Decide(const api::SandboxCommand& command, const api::RuntimeClass* runtime_class,
                std::span<const ReadyExecutor> executors);

}  // namespace fumehood::controller
