#include "lib/kube/parse_json.h"

namespace fumehood::kube {
namespace {

// A CustomResourceDefinition's schema nests about 40 levels.
constexpr int kMaxDepth = 200;

bool NestsTooDeep(std::string_view text) {
  int depth = 0;
  bool in_string = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\') ++i;
      if (c == '"') in_string = false;
    } else if (c == '"') {
      in_string = true;
    } else if (c == '{' || c == '[') {
      if (++depth > kMaxDepth) return true;
    } else if (c == '}' || c == ']') {
      --depth;
    }
  }
  return false;
}

}  // namespace

Result<nlohmann::json> ParseJson(std::string_view text) {
  if (NestsTooDeep(text)) return Fail(ErrorCode::kInternal, "JSON nests deeper than {} levels", kMaxDepth);
  nlohmann::json value = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (value.is_discarded()) return Fail(ErrorCode::kInternal, "not JSON ({} bytes)", text.size());
  return value;
}

Result<std::string> DumpJson(const nlohmann::json& value) {
  try {
    return value.dump();
  } catch (const nlohmann::json::type_error&) {
    return Fail(ErrorCode::kInvalid, "a string of the object is not UTF-8");
  }
}

}  // namespace fumehood::kube
