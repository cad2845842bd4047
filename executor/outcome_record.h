// An outcome as the ledger keeps it.
#pragma once

#include <nlohmann/json.hpp>

#include "executor/outcome.h"
#include "lib/base/result.h"

namespace fumehood::executor {

// The outputs are binary values: what a command writes need not be text.
nlohmann::json ToRecord(const Outcome& outcome);

// kInvalid for what ToRecord can't have made.
Result<Outcome> ReadOutcome(const nlohmann::json& record);

}  // namespace fumehood::executor
