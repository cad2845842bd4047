#include "cli/local_options.h"

#include <fmt/ranges.h>
#include <algorithm>
#include <array>
#include <system_error>
#include <utility>
#include <vector>

#include "lib/sandbox/program_lookup.h"

namespace fumehood::cli {
namespace {

namespace fs = std::filesystem;
using sandbox::EnvironmentVariable;
using sandbox::FoldersOfPath;
using sandbox::IsProgram;

constexpr std::array<std::pair<Isolation, std::string_view>, 4> kNames{{
    {Isolation::kAuto, "auto"},
    {Isolation::kRunsc, "runsc"},
    {Isolation::kDocker, "docker"},
    {Isolation::kProcess, "process"},
}};

// The first of them that is a program.
Result<fs::path> FirstProgram(std::string_view what, const std::vector<fs::path>& candidates, std::string_view advice) {
  for (const fs::path& candidate : candidates) {
    if (IsProgram(candidate)) return candidate;
  }
  std::vector<std::string> looked_at;
  for (const fs::path& candidate : candidates) {
    const std::string folder = candidate.parent_path().string();
    if (std::ranges::find(looked_at, folder) == looked_at.end()) looked_at.push_back(folder);
  }
  return Fail(ErrorCode::kNotFound, "there is no {} in {}: {}", what, fmt::join(looked_at, ", "), advice);
}

// The program that somebody has named.
Result<fs::path> Named(std::string_view what, const fs::path& path, std::string_view where) {
  if (IsProgram(path)) return fs::absolute(path);
  return Fail(ErrorCode::kNotFound, "\"{}\", which {} names as {}, is no program that we may execute", path.string(),
              where, what);
}

}  // namespace

std::string_view ToString(Isolation isolation) {
  for (const auto& [value, name] : kNames) {
    if (value == isolation) return name;
  }
  return "?";
}

std::optional<Isolation> ParseIsolation(std::string_view name) {
  for (const auto& [value, known] : kNames) {
    if (known == name) return value;
  }
  return std::nullopt;
}

fs::path ThisProgram() {
  std::error_code ignored;
  return fs::read_symlink("/proc/self/exe", ignored);
}

Result<fs::path> FindRunsc(const LocalOptions& options) {
  if (!options.runsc.empty()) return Named("runsc", options.runsc, "--runsc");
  if (const auto named = EnvironmentVariable("FUMEHOOD_RUNSC"); !named.empty())
    return Named("runsc", named, "FUMEHOOD_RUNSC");
  std::vector<fs::path> candidates = {ThisProgram().parent_path() / "runsc"};
  if (const auto folder = EnvironmentVariable("VIRTUAL_ENV"); !folder.empty())
    candidates.push_back(fs::path(folder) / "bin/runsc");
  for (const fs::path& folder : FoldersOfPath()) candidates.push_back(folder / "runsc");
  candidates.emplace_back("/usr/local/bin/runsc");
  return FirstProgram("runsc", candidates, "`fumehood install` brings it");
}

Result<fs::path> FindInit() {
  if (const auto named = EnvironmentVariable("FUMEHOOD_INIT"); !named.empty())
    return Named("init", named, "FUMEHOOD_INIT");
  const fs::path folder = ThisProgram().parent_path();
  return FirstProgram(
      "fumehood-init",
      {folder / "fumehood-init", folder / "../lib/fumehood/fumehood-init", folder / "../lib/fumehood-init"},
      "it is built and installed together with this program");
}

Result<fs::path> FindDocker(const LocalOptions& options) {
  if (!options.docker.empty()) return Named("docker", options.docker, "--docker");
  std::vector<fs::path> candidates;
  for (const fs::path& folder : FoldersOfPath()) candidates.push_back(folder / "docker");
  return FirstProgram("docker", candidates,
                      "install Docker Engine or Docker Desktop, or put its command line on the PATH");
}

std::string DockerImageOf(const LocalOptions& options) { return options.image.empty() ? "busybox" : options.image; }

}  // namespace fumehood::cli
