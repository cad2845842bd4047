#include "cli/availability.h"

#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <system_error>
#include <utility>

#include "lib/sandbox/fumehood.h"
#include "lib/sandbox/program_lookup.h"

namespace fumehood::cli {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using sandbox::EnvironmentVariable;

constexpr std::chrono::seconds kTryLimit{20};

fs::path CacheFile() {
  const std::string_view cache = EnvironmentVariable("XDG_CACHE_HOME");
  const std::string_view home = EnvironmentVariable("HOME");
  if (cache.starts_with('/')) return fs::path(cache) / "fumehood/isolation.json";
  if (home.starts_with('/')) return fs::path(home) / ".cache/fumehood/isolation.json";
  return {};
}

std::string FirstLine(const char* path) {
  std::string line;
  std::getline(std::ifstream(path), line);
  return line;
}

// Which file it is, and in which state.
std::string Fingerprint(const Result<fs::path>& program) {
  struct stat status{};
  if (!program || stat(program->c_str(), &status) != 0) return "none";
  return fmt::format("{} {} {}.{:09}", program->string(), status.st_size, status.st_mtim.tv_sec,
                     status.st_mtim.tv_nsec);
}

// While these are the same, so is the answer.
std::string KeyOf(const LocalOptions& options) {
  return fmt::format("{}|{}|{}|{}|{}|{}|{}|{}", FirstLine("/proc/sys/kernel/random/boot_id"), geteuid(),
                     Fingerprint(ThisProgram()), Fingerprint(FindRunsc(options)), Fingerprint(FindDocker(options)),
                     EnvironmentVariable("DOCKER_HOST"), options.platform, options.image);
}

std::optional<Isolation> Remembered(const std::string& key) {
  const json stored = json::parse(std::ifstream(CacheFile()), nullptr, /*allow_exceptions=*/false);
  if (!stored.is_object() || stored.value("key", json()) != key) return std::nullopt;
  const json isolation = stored.value("isolation", json());
  return isolation.is_string() ? ParseIsolation(isolation.get<std::string>()) : std::nullopt;
}

// Best effort: without it the next one tries again.
void Remember(const std::string& key, Isolation isolation) {
  const fs::path file = CacheFile();
  if (file.empty()) return;
  std::error_code ignored;
  fs::create_directories(file.parent_path(), ignored);
  const fs::path fresh = fmt::format("{}.{}", file.string(), getpid());
  std::ofstream(fresh) << json{{"key", key}, {"isolation", ToString(isolation)}};
  fs::rename(fresh, file, ignored);
}

}  // namespace

Availability TryOut(Isolation isolation, const LocalOptions& options) {
  const auto ran = run_command_isolated({"true"}, {.working_dir = "/usr/share",
                                                   .timeout = kTryLimit,
                                                   .isolation = std::string(ToString(isolation)),
                                                   .image = options.image,
                                                   .runsc = options.runsc,
                                                   .platform = options.platform,
                                                   .docker = options.docker,
                                                   .program = ThisProgram()});
  if (!ran) return {isolation, ran.error()};
  if (ran->success) return {isolation, std::nullopt};
  return {isolation,
          Error{ErrorCode::kUnavailable, fmt::format("`true` did not succeed: {} {}", ran->reason, ran->message)}};
}

Result<Choice> Choose(const LocalOptions& options) {
  const std::string key = KeyOf(options);
  if (const auto remembered = Remembered(key)) return Choice{*remembered, {}};
  Choice choice;
  for (const Isolation isolation : {Isolation::kRunsc, Isolation::kDocker}) {
    Availability tried = TryOut(isolation, options);
    if (!tried.failure) {
      choice.isolation = isolation;
      Remember(key, isolation);
      return choice;
    }
    choice.rejected.push_back(std::move(tried));
  }
  if (options.allow_unisolated_fallback) {
    choice.isolation = Isolation::kProcess;
    return choice;
  }
  std::string reasons;
  ErrorCode code = ErrorCode::kUnavailable;
  for (const Availability& one : choice.rejected) {
    reasons += fmt::format("\n  {}: {}", ToString(one.isolation), one.failure->message);
    if (one.failure->code == ErrorCode::kInvalid) code = ErrorCode::kInvalid;
  }
  return Fail(code,
              "no isolation works {}, and the command was not run:{}\n`fumehood doctor` tells more. To run it without "
              "any isolation, say so: --isolation=process",
              code == ErrorCode::kInvalid ? "like this" : "here", reasons);
}

void ForgetChoice() {
  std::error_code ignored;
  fs::remove(CacheFile(), ignored);
}

}  // namespace fumehood::cli
