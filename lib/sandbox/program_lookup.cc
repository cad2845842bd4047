#include "lib/sandbox/program_lookup.h"

#include <unistd.h>

#include <cstdlib>
#include <system_error>

namespace fumehood::sandbox {

namespace fs = std::filesystem;

std::string_view EnvironmentVariable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

std::vector<std::string> OwnEnvironment() {
  std::vector<std::string> all;
  for (char** entry = environ; *entry != nullptr; ++entry) all.emplace_back(*entry);
  return all;
}

bool IsProgram(const fs::path& path) {
  std::error_code ignored;
  return fs::is_regular_file(path, ignored) && access(path.c_str(), X_OK) == 0;
}

std::vector<fs::path> FoldersOfPath() {
  std::vector<fs::path> folders;
  std::string_view rest = EnvironmentVariable("PATH");
  while (!rest.empty()) {
    const size_t colon = rest.find(':');
    if (rest.starts_with('/')) folders.emplace_back(rest.substr(0, colon));
    rest = colon == std::string_view::npos ? "" : rest.substr(colon + 1);
  }
  return folders;
}

}  // namespace fumehood::sandbox
