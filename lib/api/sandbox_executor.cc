#include "lib/api/sandbox_executor.h"

#include <fmt/ranges.h>

#include <string_view>
#include <utility>

#include "lib/api/names.h"
#include "lib/api/quantity.h"
#include "lib/base/json_fields.h"

namespace fumehood::api {

namespace {

std::optional<int64_t> Number(Result<int64_t> quantity) { return quantity ? std::optional(*quantity) : std::nullopt; }

Allocatable ReadAllocatable(const Json& json) {
  return {.cpu_millis = Number(ParseMilliQuantity(StringAt(json, "cpu"))),
          .memory_bytes = Number(ParseQuantity(StringAt(json, "memory")))};
}

// A merge patch removes what is null.
Json ToJson(const Allocatable& allocatable) {
  Json json = {{"cpu", nullptr}, {"memory", nullptr}};
  if (allocatable.cpu_millis) json["cpu"] = FormatMilliQuantity(*allocatable.cpu_millis);
  if (allocatable.memory_bytes) json["memory"] = FormatByteQuantity(*allocatable.memory_bytes);
  return json;
}

// For people: kubectl shows one value, and no list.
std::string Joined(const std::vector<std::string>& images) {
  constexpr size_t kMostBytes = 1024;
  std::string names = fmt::format("{}", fmt::join(images, ","));
  if (names.size() <= kMostBytes) return names;
  constexpr std::string_view kMore = ",…";
  names.resize(names.rfind(',', kMostBytes - kMore.size()));
  return names += kMore;
}

}  // namespace

Result<SandboxExecutor> ReadSandboxExecutor(const nlohmann::json& object) {
  if (StringAt(object, "kind") != kSandboxExecutorKind) {
    return Fail(ErrorCode::kInvalid, "read a {}: its kind is \"{}\"", kSandboxExecutorKind, StringAt(object, "kind"));
  }
  auto metadata = ReadObjectMeta(object);
  if (!metadata) return Forward(std::move(metadata));

  const Json& json = FieldAt(object, "status");
  const Json& executor = FieldAt(json, "executor");
  const Json& runtime = FieldAt(json, "runtime");
  SandboxExecutorStatus status{
      .executor = {StringAt(executor, "podName"), StringAt(executor, "podUID")},
      .slots = IntegerAt(json, "slots", 0),
      .allocatable = ReadAllocatable(FieldAt(json, "allocatable")),
      .images = {},
      .handlers = StringsAt(json, "handlers"),
      .runtime = {StringAt(runtime, "name"), StringAt(runtime, "version"), StringAt(runtime, "platform")},
      .conditions = ReadConditions(FieldAt(json, "conditions"))};
  if (const Json& images = FieldAt(json, "images"); images.is_array()) {
    for (const Json& image : images) status.images.push_back(StringAt(image, "name"));
  }
  return SandboxExecutor{std::move(*metadata), std::move(status)};
}

nlohmann::json ToJson(const SandboxExecutorStatus& status) {
  Json images = Json::array();
  for (const std::string& image : status.images) images.push_back({{"name", image}});
  return {{"executor", {{"podName", status.executor.pod_name}, {"podUID", status.executor.pod_uid}}},
          {"slots", status.slots},
          {"allocatable", ToJson(status.allocatable)},
          {"images", std::move(images)},
          {"imageNames", Joined(status.images)},
          {"handlers", status.handlers},
          {"runtime",
           {{"name", status.runtime.name}, {"version", status.runtime.version}, {"platform", status.runtime.platform}}},
          {"conditions", ToJson(status.conditions)}};
}

}  // namespace fumehood::api
