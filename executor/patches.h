// The JSON Patches (RFC 6902) by which an executor writes. Pure.
//
// Each begins with tests of the object's uid and of the attempt: a merge patch would ignore the uid, so that a late
// result could land on a successor of the same name. None touches nodeName, executor or attempt, which are the
// controller's.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "lib/api/sandbox_command.h"
#include "lib/base/time.h"

namespace fumehood::executor {

// The command is still running after a while: phase Running. Refused when the result is there already.
nlohmann::json RunningPatch(const api::SandboxCommand& command, WallTime start_time);

// The result.
nlohmann::json ResultPatch(const api::SandboxCommand& command, const api::SandboxCommandStatus& finished);

// The executor can't run this attempt: phase Pending, and why. The controller decides what is next.
nlohmann::json HandBackPatch(const api::SandboxCommand& command, const std::string& why, WallTime now);

}  // namespace fumehood::executor
