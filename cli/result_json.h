// What became of a command, for programs: the JSON of `fumehood run --json`, and the exit status for shells.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "cli/local_options.h"
#include "lib/base/result.h"
#include "lib/sandbox/run.h"

namespace fumehood::cli {

// Of `fumehood run`: the command's own status where it ended by itself, and otherwise what shells, env(1) and
// timeout(1) use.
inline constexpr int kTimedOut = 124;
inline constexpr int kFailed = 125;         // Fumehood could not run it, or lost it
inline constexpr int kNotExecutable = 126;  // also: arguments too long
inline constexpr int kNotFound = 127;
inline constexpr int kSignal = 128;  // and the signal's number

int ExitStatusOf(const sandbox::Ending& ending);

// One word for how it ended: "Exited", "Signaled", "TimedOut", "Cancelled", "SandboxTerminated", or why it was never
// started.
std::string ReasonOf(const sandbox::Ending& ending);
// For people; empty where the command ended by itself.
std::string MessageOf(const sandbox::Ending& ending);

nlohmann::json ToJson(const sandbox::RunResult& result, Isolation isolation);
// {"error": {"code", "message"}}
nlohmann::json ToJson(const Error& error);

}  // namespace fumehood::cli
