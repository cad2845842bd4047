// What should happen next to one command. Pure: same inputs, same answer; no IO, no clock, no log.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

#include "controller/ranked_executors.h"
#include "lib/api/configuration.h"
#include "lib/api/sandbox_command.h"
#include "lib/api/scheduling.h"

namespace fumehood::controller {

// Nothing for us to do: it is an executor's business, or finished.
struct Nothing {};

// Bind it to this executor.
struct Bind {
  std::string node_name;
  api::ExecutorReference executor;
  int64_t retries = 0;            // what status.retries becomes
  api::Resources resources = {};  // what it may use
};

// It can't start now, and goes on by itself when that changes.
struct Wait {
  std::string_view reason;  // of the condition Scheduled
  std::string message;      // the same text as long as the cause is the same
  int64_t retries = 0;      // what status.retries becomes
};

// It ends without having run.
struct End {
  api::Phase phase = api::Phase::kFailed;
  std::string_view reason;  // of the conditions Finished and Succeeded
  std::string message;
};

using Decision = std::variant<Nothing, Bind, Wait, End>;

enum class Liveness { kAlive, kLost };

// What a decision is made from, beside the command itself.
struct Facts {
  const api::Configuration& configuration;
  const api::RuntimeClass* runtime_class = nullptr;  // the one that the command names, if there is one
  const RankedExecutors& executors;
  int64_t running = 0;                         // other commands of its namespace that have a slot
  Liveness bound_executor = Liveness::kAlive;  // of the node that the command is bound to
};

Decision Decide(const api::SandboxCommand& command, const Facts& facts);

// There is none for it now, or somebody else is to have it.
Wait WaitForASlot();

// Why the last attempt came to nothing: ExecutorLost, Draining or Rejected; empty where none did, or where that was
// taken note of already.
std::string_view HandedBackBecause(const api::SandboxCommand& command);

}  // namespace fumehood::controller
