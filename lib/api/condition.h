#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/time.h"

namespace fumehood::api {

enum class ConditionStatus { kTrue, kFalse, kUnknown };

// metav1.Condition, without observedGeneration: cancel and TTL raise the generation of a finished object for ever.
struct Condition {
  std::string type;
  ConditionStatus status = ConditionStatus::kUnknown;
  std::string reason;   // one word in UpperCamelCase, for programs
  std::string message;  // for people
  WallTime last_transition_time{};
};

// Puts `condition` in place of the one of its type, or at the end. The time of the last transition is kept while the
// status stays the same.
void SetCondition(std::vector<Condition>& conditions, Condition condition);

// Null where there is none of this type.
const Condition* FindCondition(const std::vector<Condition>& conditions, std::string_view type);

nlohmann::json ToJson(const std::vector<Condition>& conditions);
std::vector<Condition> ReadConditions(const nlohmann::json& array);

}  // namespace fumehood::api
