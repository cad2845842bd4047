#include "executor/condition_message.h"

#include <nlohmann/json.hpp>

namespace fumehood::executor {
namespace {

using nlohmann::json;

constexpr size_t kHeadBytes = 1'536;
constexpr size_t kTailBytes = 512;

// With U+FFFD in place of what is not UTF-8.
std::string AsUtf8(std::string_view bytes) {
  const std::string quoted = json(bytes).dump(-1, ' ', /*ensure_ascii=*/false, json::error_handler_t::replace);
  return json::parse(quoted).get<std::string>();
}

}  // namespace

std::string ConditionMessage(std::string_view text) {
  if (text.size() <= kHeadBytes + kTailBytes) return AsUtf8(text);
  return AsUtf8(text.substr(0, kHeadBytes)) + " … " + AsUtf8(text.substr(text.size() - kTailBytes));
}

}  // namespace fumehood::executor
