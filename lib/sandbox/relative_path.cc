#include "lib/sandbox/relative_path.h"

#include <climits>

namespace fumehood::sandbox {

std::string_view WhyNotCleanRelative(std::string_view path) {
  // Room for what the path is appended to.
  constexpr size_t kMaxLength = PATH_MAX - 256;
  if (path.empty()) return "it is empty";
  if (path.size() > kMaxLength) return "it is too long";
  if (path.contains('\0')) return "it contains a NUL byte";
  if (path.starts_with('/')) return "it is absolute; it must be relative";
  while (true) {
    const size_t slash = path.find('/');
    const std::string_view component = path.substr(0, slash);
    if (component == "." || component == "..") return "\".\" and \"..\" are not allowed";
    if (component.empty()) return "it has an empty component (\"//\", or a \"/\" at the end)";
    if (component.size() > NAME_MAX) return "a component is too long";
    if (slash == std::string_view::npos) return "";
    path.remove_prefix(slash + 1);
  }
}

}  // namespace fumehood::sandbox
