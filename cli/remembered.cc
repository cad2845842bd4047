#include "cli/remembered.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <string_view>
#include <system_error>

#include "lib/sandbox/program_lookup.h"

namespace fumehood::cli {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using sandbox::EnvironmentVariable;

// Empty where there is no folder.
fs::path FileOf(const std::string& what) {
  const std::string_view cache = EnvironmentVariable("XDG_CACHE_HOME");
  const std::string_view home = EnvironmentVariable("HOME");
  if (cache.starts_with('/')) return fs::path(cache) / "fumehood" / (what + ".json");
  if (home.starts_with('/')) return fs::path(home) / ".cache/fumehood" / (what + ".json");
  return {};
}

}  // namespace

std::optional<std::string> Recall(const std::string& what, const std::string& key) {
  const json stored = json::parse(std::ifstream(FileOf(what)), nullptr, /*allow_exceptions=*/false);
  if (!stored.is_object() || stored.value("key", json()) != key) return std::nullopt;
  const json fact = stored.value(what, json());
  return fact.is_string() ? std::optional(fact.get<std::string>()) : std::nullopt;
}

void Remember(const std::string& what, const std::string& key, const std::string& fact) {
  const fs::path file = FileOf(what);
  if (file.empty()) return;
  std::error_code ignored;
  fs::create_directories(file.parent_path(), ignored);
  const fs::path fresh = fmt::format("{}.{}", file.string(), getpid());
  std::ofstream(fresh) << json{{"key", key}, {what, fact}}.dump(-1, ' ', false, json::error_handler_t::replace);
  fs::rename(fresh, file, ignored);
}

void Forget(const std::string& what) {
  std::error_code ignored;
  fs::remove(FileOf(what), ignored);
}

std::string Fingerprint(const fs::path& program) {
  struct stat status{};
  if (stat(program.c_str(), &status) != 0) return "none";
  // Unlike the time of modification, that of the change is nobody's to set.
  return fmt::format("{} {} {} {}.{:09}", program.string(), status.st_ino, status.st_size, status.st_ctim.tv_sec,
                     status.st_ctim.tv_nsec);
}

}  // namespace fumehood::cli
