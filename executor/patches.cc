#include "executor/patches.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "lib/api/names.h"

namespace fumehood::executor {
namespace {

using nlohmann::json;

constexpr std::array<std::string_view, 6> kControllersFields = {"nodeName", "executor",  "attempt",
                                                                "retries",  "resources", "queuedTime"};

json TestOperation(std::string_view path, json value) {
  return {{"op", "test"}, {"path", path}, {"value", std::move(value)}};
}

// "add" replaces a member that exists.
json SetOperation(std::string_view path, json value) {
  return {{"op", "add"}, {"path", path}, {"value", std::move(value)}};
}

json FencedPatch(const AttemptKey& key) {
  return json::array({TestOperation("/metadata/uid", key.uid), TestOperation("/status/attempt", key.attempt)});
}

bool IsControllersField(std::string_view name) {
  return std::ranges::find(kControllersFields, name) != kControllersFields.end();
}

}  // namespace

json RunningPatch(const AttemptKey& key, WallTime start_time) {
  json patch = FencedPatch(key);
  patch.push_back(TestOperation("/status/phase", ToString(api::Phase::kScheduled)));
  patch.push_back(SetOperation("/status/phase", ToString(api::Phase::kRunning)));
  patch.push_back(SetOperation("/status/startTime", FormatMicroTime(start_time)));
  return patch;
}

json ResultPatch(const AttemptKey& key, const api::SandboxCommandStatus& finished) {
  json patch = FencedPatch(key);
  const json fields = ToJson(finished);
  for (const auto& [name, value] : fields.items()) {
    if (!IsControllersField(name)) patch.push_back(SetOperation("/status/" + name, value));
  }
  return patch;
}

json HandBackPatch(const api::SandboxCommand& command, const HandBack& why, WallTime now) {
  auto conditions = command.status.conditions;
  SetCondition(conditions,
               {std::string(api::condition::kScheduled), api::ConditionStatus::kFalse, why.reason, why.message, now});
  json patch = FencedPatch(KeyOf(command));
  patch.push_back(TestOperation("/status/phase", ToString(command.status.phase.value_or(api::Phase::kPending))));
  patch.push_back(SetOperation("/status/phase", ToString(api::Phase::kPending)));
  patch.push_back(SetOperation("/status/conditions", ToJson(conditions)));
  return patch;
}

}  // namespace fumehood::executor
