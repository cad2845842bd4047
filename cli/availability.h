#pragma once

#include <optional>
#include <vector>

#include "cli/local_options.h"
#include "lib/base/result.h"
#include "lib/sandbox/fumehood.h"

namespace fumehood::cli {

// What came of really running a command in one isolation.
struct Availability {
  Isolation isolation = Isolation::kRunsc;
  std::optional<Error> failure;  // why it doesn't work, and how to fix that
};

// What the C++ API takes for these, with this very program.
IsolationOptions ApiOptions(Isolation isolation, const LocalOptions& options);

// Runs `true` in that isolation, not `auto`, in a process of its own.
Availability TryOut(Isolation isolation, const LocalOptions& options);

struct Choice {
  Isolation isolation = Isolation::kRunsc;
  std::vector<Availability> rejected;  // what was tried before, and why it was not chosen
};

// What `auto` means here: runsc, else docker, else an Error that says why neither works, or the process where that was
// allowed. The answer is remembered for this boot, these programs and this user, unless nothing works: so that what was
// repaired is noticed at once.
Result<Choice> Choose(const LocalOptions& options);

// Forgets what Choose remembered: it was wrong.
void ForgetChoice();

}  // namespace fumehood::cli
