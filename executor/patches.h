// The JSON Patches (RFC 6902) by which an executor writes. Pure.
//
// Each begins with tests of the object's uid and of the attempt: a merge patch would ignore the uid, so that a late
// result could land on a successor of the same name. None touches what is the controller's: nodeName, executor,
// attempt, retries and queuedTime.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "executor/assignments.h"
#include "lib/api/sandbox_command.h"
#include "lib/base/time.h"

namespace fumehood::executor {

// The command is still running after a while: phase Running. Refused when the result is there already.
nlohmann::json RunningPatch(const AttemptKey& key, WallTime start_time);

// The result.
nlohmann::json ResultPatch(const AttemptKey& key, const api::SandboxCommandStatus& finished);

// An attempt that comes to nothing, and why.
struct HandBack {
  std::string reason;   // of the condition Scheduled: ExecutorLost, Draining or Rejected
  std::string message;  // for people
};

// The attempt is given back: phase Pending, and why. The controller decides what is next. `command` is as it was read
// last; the patch is refused when its phase has changed since.
nlohmann::json HandBackPatch(const api::SandboxCommand& command, const HandBack& why, WallTime now);

}  // namespace fumehood::executor
