// Between the runner's words and the init's. Pure.
#pragma once

#include <cstdint>
#include <variant>

#include "lib/base/result.h"
#include "lib/sandbox/init_protocol.h"
#include "lib/sandbox/run.h"

namespace fumehood::sandbox {

// Who the command is inside of its sandbox: not 0, and not 65534, as which unmapped files appear.
inline constexpr uint32_t kCommandUser = 1000;

// What the init is told to do for a request, with the defaults of its environment filled in. A request that
// no sandbox could serve is NotStarted; one that can't even be said (a NUL byte, no program) is an Error
// (kInvalid).
Result<std::variant<init::HandOver, NotStarted>> MakeHandOver(const RunRequest& request, uint64_t scratch_bytes);

// What it means for the command that the init could not start it. Failures of the sandbox itself are an
// Error.
Result<NotStarted> Interpret(const init::NotStarted& report, const RunRequest& request);

}  // namespace fumehood::sandbox
