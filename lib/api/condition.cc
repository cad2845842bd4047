#include "lib/api/condition.h"

#include <algorithm>

#include "lib/base/json_fields.h"
#include "lib/base/utf8.h"

namespace fumehood::api {
namespace {

constexpr size_t kMaxMessageBytes = 32'768;  // as the CRD says

std::string_view ToString(ConditionStatus status) {
  switch (status) {
    case ConditionStatus::kTrue: return "True";
    case ConditionStatus::kFalse: return "False";
    case ConditionStatus::kUnknown: break;
  }
  return "Unknown";
}

ConditionStatus ParseConditionStatus(std::string_view text) {
  if (text == "True") return ConditionStatus::kTrue;
  if (text == "False") return ConditionStatus::kFalse;
  return ConditionStatus::kUnknown;
}

}  // namespace

void SetCondition(std::vector<Condition>& conditions, Condition condition) {
  // Messages quote what programs and servers said, and a status that the API server refuses would never be stored.
  condition.message = ToStorableText(condition.message, kMaxMessageBytes);
  const auto same = std::ranges::find(conditions, condition.type, &Condition::type);
  if (same == conditions.end()) {
    conditions.push_back(std::move(condition));
    return;
  }
  if (same->status == condition.status) condition.last_transition_time = same->last_transition_time;
  *same = std::move(condition);
}

const Condition* FindCondition(const std::vector<Condition>& conditions, std::string_view type) {
  const auto found = std::ranges::find(conditions, type, &Condition::type);
  return found == conditions.end() ? nullptr : &*found;
}

nlohmann::json ToJson(const std::vector<Condition>& conditions) {
  Json array = Json::array();
  for (const Condition& condition : conditions) {
    array.push_back({{"type", condition.type},
                     {"status", ToString(condition.status)},
                     {"reason", condition.reason},
                     {"message", condition.message},
                     {"lastTransitionTime", FormatTime(condition.last_transition_time)}});
  }
  return array;
}

std::vector<Condition> ReadConditions(const nlohmann::json& array) {
  std::vector<Condition> conditions;
  if (!array.is_array()) return conditions;
  for (const Json& element : array) {
    conditions.push_back({.type = StringAt(element, "type"),
                          .status = ParseConditionStatus(StringAt(element, "status")),
                          .reason = StringAt(element, "reason"),
                          .message = StringAt(element, "message"),
                          .last_transition_time = TimeAt(element, "lastTransitionTime").value_or(WallTime{})});
  }
  return conditions;
}

}  // namespace fumehood::api
