#include "lib/sandbox/environment.h"

#include <algorithm>
#include <string_view>

namespace fumehood::sandbox {

namespace {

std::string_view NameOf(std::string_view entry) { return entry.substr(0, entry.find('=')); }

}  // namespace

Result<std::vector<std::string>> MakeEnvironment(const std::vector<std::string>& entries) {
  std::vector<std::string> env = {"PATH=/usr/local/bin:/usr/bin:/bin", "HOME=/tmp", "LANG=C.UTF-8"};
  for (const std::string& entry : entries) {
    if (!entry.contains('=') || entry.starts_with('=')) {
      return Fail(ErrorCode::kInvalid, "environment: \"{}\" is not of the form NAME=value", entry);
    }
    if (entry.contains('\0')) {
      return Fail(ErrorCode::kInvalid, "environment: the value of \"{}\" contains a NUL byte", NameOf(entry));
    }
    const auto same = std::ranges::find(env, NameOf(entry), NameOf);
    if (same != env.end()) {
      *same = entry;
    } else {
      env.push_back(entry);
    }
  }
  return env;
}

}  // namespace fumehood::sandbox
