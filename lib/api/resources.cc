#include "lib/api/resources.h"

#include <string_view>
#include <utility>

#include "lib/api/quantity.h"
#include "lib/base/json_fields.h"

namespace fumehood::api {
namespace {

// A member of Resources, and how it is written.
struct Field {
  std::string_view name;
  int64_t Resources::* value;
  Result<int64_t> (*parse)(std::string_view);
  std::string (*format)(int64_t);
};
constexpr Field kCpu{"cpu", &Resources::cpu_millis, ParseMilliQuantity, FormatMilliQuantity};
constexpr Field kMemory{"memory", &Resources::memory_bytes, ParseQuantity, FormatByteQuantity};
constexpr Field kScratch{"scratch", &Resources::scratch_bytes, ParseQuantity, FormatByteQuantity};

Result<int64_t> ParseWithinBounds(const Field& field, const std::string& quantity) {
  auto number = field.parse(quantity);
  if (!number) return number;
  const int64_t least = kLeastResources.*field.value;
  const int64_t most = kMostResources.*field.value;
  if (*number < least || *number > most) {
    return Fail(ErrorCode::kInvalid, "{} is not between {} and {}", quantity, field.format(least), field.format(most));
  }
  return number;
}

Status Take(const Field& field, const std::string& quantity, Resources& resources) {
  if (quantity.empty()) return {};
  auto number = ParseWithinBounds(field, quantity);
  if (!number) return Wrap(std::move(number).error(), fmt::format("spec.resources.{}", field.name));
  resources.*field.value = *number;
  return {};
}

std::string QuantityAt(const Json& json, std::string_view key) {
  if (const auto number = OptionalIntegerAt(json, key)) return std::to_string(*number);
  return StringAt(json, key);
}

}  // namespace

Result<int64_t> ParseCpu(const std::string& quantity) { return ParseWithinBounds(kCpu, quantity); }
Result<int64_t> ParseMemory(const std::string& quantity) { return ParseWithinBounds(kMemory, quantity); }
Result<int64_t> ParseScratch(const std::string& quantity) { return ParseWithinBounds(kScratch, quantity); }

Status CheckPids(int64_t pids) {
  if (pids >= kLeastResources.pids && pids <= kMostResources.pids) return {};
  return Fail(ErrorCode::kInvalid, "{} is not between {} and {}", pids, kLeastResources.pids, kMostResources.pids);
}

Result<Resources> Resolve(const ResourceRequest& request, const Resources& defaults) {
  Resources resources = defaults;
  if (Status taken = Take(kCpu, request.cpu, resources); !taken) return Forward(std::move(taken));
  if (Status taken = Take(kMemory, request.memory, resources); !taken) return Forward(std::move(taken));
  if (Status taken = Take(kScratch, request.scratch, resources); !taken) return Forward(std::move(taken));
  if (request.pids) {
    if (Status checked = CheckPids(*request.pids); !checked) {
      return Wrap(std::move(checked).error(), "spec.resources.pids");
    }
    resources.pids = *request.pids;
  }
  return resources;
}

ResourceRequest ReadResourceRequest(const nlohmann::json& json) {
  return {.cpu = QuantityAt(json, "cpu"),
          .memory = QuantityAt(json, "memory"),
          .pids = OptionalIntegerAt(json, "pids"),
          .scratch = QuantityAt(json, "scratch")};
}

nlohmann::json ToJson(const ResourceRequest& request) {
  Json json = Json::object();
  if (!request.cpu.empty()) json["cpu"] = request.cpu;
  if (!request.memory.empty()) json["memory"] = request.memory;
  if (request.pids) json["pids"] = *request.pids;
  if (!request.scratch.empty()) json["scratch"] = request.scratch;
  return json;
}

std::optional<Resources> ReadResources(const nlohmann::json& json) {
  const auto cpu = ParseMilliQuantity(StringAt(json, "cpu"));
  const auto memory = ParseQuantity(StringAt(json, "memory"));
  const auto pids = OptionalIntegerAt(json, "pids");
  const auto scratch = ParseQuantity(StringAt(json, "scratch"));
  if (!cpu || !memory || !pids || !scratch) return std::nullopt;
  return Resources{.cpu_millis = *cpu, .memory_bytes = *memory, .pids = *pids, .scratch_bytes = *scratch};
}

nlohmann::json ToJson(const Resources& resources) {
  return {{"cpu", FormatMilliQuantity(resources.cpu_millis)},
          {"memory", FormatByteQuantity(resources.memory_bytes)},
          {"pids", resources.pids},
          {"scratch", FormatByteQuantity(resources.scratch_bytes)}};
}

}  // namespace fumehood::api
