#include "lib/api/scheduling.h"

#include <algorithm>
#include <utility>

#include "lib/base/json_fields.h"

namespace fumehood::api {

Result<RuntimeClass> ReadRuntimeClass(const nlohmann::json& object) {
  auto metadata = ReadObjectMeta(object);
  if (!metadata) return Forward(std::move(metadata));
  return RuntimeClass{std::move(*metadata), StringAt(object, "handler"),
                      StringMapAt(FieldAt(object, "scheduling"), "nodeSelector")};
}

Result<Node> ReadNode(const nlohmann::json& object) {
  auto metadata = ReadObjectMeta(object);
  if (!metadata) return Forward(std::move(metadata));
  return Node{std::move(*metadata)};
}

bool Selects(const std::map<std::string, std::string>& selector, const std::map<std::string, std::string>& labels) {
  return std::ranges::all_of(selector, [&labels](const auto& entry) {
    const auto label = labels.find(entry.first);
    return label != labels.end() && label->second == entry.second;
  });
}

}  // namespace fumehood::api
