// Reading fields that may be missing. The API server has checked their types, but a reader must not depend on it: a
// value of another type reads as a missing one.
#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/time.h"

namespace fumehood {

using Json = nlohmann::json;

// The member `key`, or null where there is none; null's members are null.
const Json& FieldAt(const Json& object, std::string_view key);

std::string StringAt(const Json& object, std::string_view key, std::string_view otherwise = "");
int64_t IntegerAt(const Json& object, std::string_view key, int64_t otherwise);
std::optional<int64_t> OptionalIntegerAt(const Json& object, std::string_view key);
bool BooleanAt(const Json& object, std::string_view key);
std::vector<std::string> StringsAt(const Json& object, std::string_view key);
std::map<std::string, std::string> StringMapAt(const Json& object, std::string_view key);
std::optional<WallTime> TimeAt(const Json& object, std::string_view key);

}  // namespace fumehood
