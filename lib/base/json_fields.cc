#include "lib/base/json_fields.h"

namespace fumehood {

const Json& FieldAt(const Json& object, std::string_view key) {
  static const Json kNull;
  if (!object.is_object()) return kNull;
  const auto found = object.find(key);
  return found == object.end() ? kNull : *found;
}

std::string StringAt(const Json& object, std::string_view key, std::string_view otherwise) {
  const Json& value = FieldAt(object, key);
  return value.is_string() ? value.get<std::string>() : std::string(otherwise);
}

int64_t IntegerAt(const Json& object, std::string_view key, int64_t otherwise) {
  return OptionalIntegerAt(object, key).value_or(otherwise);
}

std::optional<int64_t> OptionalIntegerAt(const Json& object, std::string_view key) {
  const Json& value = FieldAt(object, key);
  if (!value.is_number_integer()) return std::nullopt;
  return value.get<int64_t>();
}

bool BooleanAt(const Json& object, std::string_view key) {
  const Json& value = FieldAt(object, key);
  return value.is_boolean() && value.get<bool>();
}

std::vector<std::string> StringsAt(const Json& object, std::string_view key) {
  std::vector<std::string> strings;
  const Json& value = FieldAt(object, key);
  if (!value.is_array()) return strings;
  for (const Json& element : value) {
    if (element.is_string()) strings.push_back(element.get<std::string>());
  }
  return strings;
}

std::map<std::string, std::string> StringMapAt(const Json& object, std::string_view key) {
  std::map<std::string, std::string> map;
  const Json& value = FieldAt(object, key);
  if (!value.is_object()) return map;
  for (const auto& [name, element] : value.items()) {
    if (element.is_string()) map.emplace(name, element.get<std::string>());
  }
  return map;
}

std::optional<WallTime> TimeAt(const Json& object, std::string_view key) {
  const auto time = ParseTime(StringAt(object, key));
  return time ? std::optional(*time) : std::nullopt;
}

}  // namespace fumehood
