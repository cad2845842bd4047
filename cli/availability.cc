#include "cli/availability.h"

#include <unistd.h>

#include <chrono>
#include <fstream>
#include <string>
#include <utility>

#include "cli/remembered.h"
#include "lib/sandbox/program_lookup.h"

namespace fumehood::cli {
namespace {

namespace fs = std::filesystem;
using sandbox::EnvironmentVariable;

constexpr std::chrono::seconds kTryLimit{20};
// Under this name the choice is remembered.
constexpr char kWhat[] = "isolation";

std::string FirstLine(const char* path) {
  std::string line;
  std::getline(std::ifstream(path), line);
  return line;
}

std::string FingerprintOf(const Result<fs::path>& program) { return program ? Fingerprint(*program) : "none"; }

// While these are the same, so is the answer.
std::string KeyOf(const LocalOptions& options) {
  return fmt::format("{}|{}|{}|{}|{}|{}|{}|{}", FirstLine("/proc/sys/kernel/random/boot_id"), geteuid(),
                     Fingerprint(ThisProgram()), FingerprintOf(FindRunsc(options)), FingerprintOf(FindDocker(options)),
                     EnvironmentVariable("DOCKER_HOST"), options.platform, options.image);
}

}  // namespace

IsolationOptions ApiOptions(Isolation isolation, const LocalOptions& options) {
  return {.isolation = std::string(ToString(isolation)),
          .image = options.image,
          .runsc = options.runsc,
          .platform = options.platform,
          .docker = options.docker,
          .program = ThisProgram()};
}

Availability TryOut(Isolation isolation, const LocalOptions& options) {
  IsolationOptions trial = ApiOptions(isolation, options);
  trial.working_dir = "/usr/share";
  trial.timeout = kTryLimit;
  const auto ran = run_command_isolated({"true"}, trial);
  if (!ran) return {isolation, ran.error()};
  if (ran->success) return {isolation, std::nullopt};
  return {isolation,
          Error{ErrorCode::kUnavailable, fmt::format("`true` did not succeed: {} {}", ran->reason, ran->message)}};
}

Result<Choice> Choose(const LocalOptions& options) {
  const std::string key = KeyOf(options);
  if (const auto remembered = Recall(kWhat, key)) {
    if (const auto isolation = ParseIsolation(*remembered)) return Choice{*isolation, {}};
  }
  Choice choice;
  for (const Isolation isolation : {Isolation::kRunsc, Isolation::kDocker}) {
    Availability tried = TryOut(isolation, options);
    if (!tried.failure) {
      choice.isolation = isolation;
      Remember(kWhat, key, std::string(ToString(isolation)));
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

void ForgetChoice() { Forget(kWhat); }

}  // namespace fumehood::cli
