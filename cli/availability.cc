#include "cli/availability.h"

#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <system_error>
#include <utility>

#include "lib/sandbox/host_command.h"
#include "lib/sandbox/program_lookup.h"

namespace fumehood::cli {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using sandbox::EnvironmentVariable;

constexpr std::chrono::seconds kTryLimit{30};
constexpr uint64_t kMaxAnswer = 64 * 1'024;

// The command line of this program for the same options.
std::vector<std::string> CommandLine(Isolation isolation, const LocalOptions& options) {
  std::vector<std::string> argv = {ThisProgram().string(), "run", "--json",
                                   "--isolation=" + std::string(ToString(isolation)), "--repo=/usr/share"};
  if (!options.image.empty()) argv.push_back("--image=" + options.image);
  if (!options.runsc.empty()) argv.push_back("--runsc=" + options.runsc.string());
  if (!options.docker.empty()) argv.push_back("--docker=" + options.docker.string());
  argv.insert(argv.end(), {"--timeout=20s", "--", "true"});
  return argv;
}

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
  return fmt::format("{}|{}|{}|{}|{}|{}|{}", FirstLine("/proc/sys/kernel/random/boot_id"), geteuid(),
                     Fingerprint(ThisProgram()), Fingerprint(FindRunsc(options)), Fingerprint(FindDocker(options)),
                     EnvironmentVariable("DOCKER_HOST"), options.image);
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
  const auto failed = [isolation](std::string why) { return Availability{isolation, false, std::move(why)}; };
  const sandbox::HostCommand command{
      .program = {.argv = CommandLine(isolation, options), .env = sandbox::OwnEnvironment()},
      .stdin_data = "",
      .timeout = kTryLimit,
      .max_output_bytes = kMaxAnswer};
  const auto ran = sandbox::RunHostCommand(command, {}, {});
  if (!ran) return failed(ran.error().message);
  const auto* result = std::get_if<sandbox::HostCommandResult>(&*ran);
  if (result == nullptr) return failed("this program can't be started again");
  if (!std::holds_alternative<sandbox::HostEnded>(result->ending)) {
    return failed(fmt::format("nothing had started within {} s", kTryLimit.count()));
  }
  const json answer = json::parse(result->stdout_output.head, nullptr, /*allow_exceptions=*/false);
  if (!answer.is_object()) return failed("it ended without an answer: " + result->stderr_output.head);
  if (answer.contains("error")) return failed(answer["error"].value("message", ""));
  if (!answer.value("success", false)) {
    return failed(
        fmt::format("`true` did not succeed: {} {}", answer.value("reason", ""), answer.value("message", "")));
  }
  return {isolation, true, ""};
}

Result<Choice> Choose(const LocalOptions& options) {
  const std::string key = KeyOf(options);
  if (const auto remembered = Remembered(key)) return Choice{*remembered, {}};
  Choice choice;
  for (const Isolation isolation : {Isolation::kRunsc, Isolation::kDocker}) {
    Availability tried = TryOut(isolation, options);
    if (tried.works) {
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
  for (const Availability& one : choice.rejected)
    reasons += fmt::format("\n  {}: {}", ToString(one.isolation), one.why_not);
  return Fail(ErrorCode::kUnavailable,
              "no isolation works here, and the command was not run:{}\nTo run it without "
              "any isolation, say so: --isolation=process",
              reasons);
}

void ForgetChoice() {
  std::error_code ignored;
  fs::remove(CacheFile(), ignored);
}

}  // namespace fumehood::cli
