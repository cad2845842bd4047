#include "cli/doctor/gvisor.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <string_view>
#include <system_error>

#include "cli/availability.h"
#include "cli/doctor/question.h"
#include "cli/scripts.h"
#include "lib/base/one_line.h"
#include "lib/base/unique_fd.h"
#include "lib/sandbox/program_lookup.h"

namespace fumehood::cli::doctor {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kGreeting = "runsc version ";
// Releases are tarballs since July 2026; from October on their runsc doesn't do without the programs beside it (its
// flag
// --sidecar-usage-policy tells).
constexpr int kFirstTarball = 20260701;
constexpr int kSidecarsRequired = 20261001;

// What bars others on the way to a file.
fs::path WhatBarsOthers(const fs::path& file) {
  constexpr mode_t kOthersEnter = S_IXOTH;
  constexpr mode_t kOthersRun = S_IROTH | S_IXOTH;
  fs::path way;
  for (const fs::path& part : file) {
    way /= part;
    struct stat status{};
    if (stat(way.c_str(), &status) != 0) return way;
    const mode_t needed = way == file ? kOthersRun : kOthersEnter;
    if ((status.st_mode & needed) != needed) return way;
  }
  return {};
}

// The date of "release-20260901.0"; 0 for what is no release.
int DateOf(std::string_view version) {
  constexpr std::string_view kPrefix = "release-";
  int date = 0;
  if (version.starts_with(kPrefix))
    std::from_chars(version.data() + kPrefix.size(), version.data() + version.size(), date);
  return date;
}

}  // namespace

Gvisor LookAtGvisor(const LocalOptions& options) {
  Gvisor gvisor{.program = FindRunsc(options)};
  if (!gvisor.program) return gvisor;
  const fs::path& program = *gvisor.program;
  const auto version = Ask({program.string(), "--version"});
  if (!version) {
    gvisor.answer = version.error().message;
  } else if (version->status == 0 && version->out.starts_with(kGreeting)) {
    gvisor.version = version->out.substr(kGreeting.size(), version->out.find('\n') - kGreeting.size());
  } else {
    gvisor.answer = fmt::format("exit status {}, {}", version->status, OneLine(version->out + version->err));
  }
  // It writes them to its standard error.
  if (const auto flags = Ask({program.string(), "flags"}))
    gvisor.has_shared_root = (flags->out + flags->err).contains("-shared-root");
  std::error_code ignored;
  const fs::path itself = fs::canonical(program, ignored);
  gvisor.barred = WhatBarsOthers(itself);
  gvisor.has_sidecars = fs::is_directory(itself.parent_path() / "gvisor-bin", ignored);
  return gvisor;
}

Check CheckRunsc(const Gvisor& gvisor) {
  if (gvisor.program) return {.name = "runsc", .found = gvisor.program->string()};
  return {.name = "runsc",
          .state = State::kFailed,
          .found = gvisor.program.error().message,
          .why = "runsc is gVisor: without it there is no sandbox",
          .fix = "fumehood install, or for all users: fumehood install --system"};
}

Check CheckRunscVersion(const Gvisor& gvisor) {
  Check check{.name = "runsc-version"};
  if (!gvisor.program) return Unasked(check.name, "runsc");
  check.why = "sandboxes are made with what gVisor has since August 2026";
  check.fix = "fumehood install";
  if (gvisor.version.empty()) {
    check.state = State::kFailed;
    check.found = fmt::format("it doesn't answer as gVisor's runsc: {}", gvisor.answer);
    check.why = "what is called so may be something else, or made for another machine";
  } else if (!gvisor.has_shared_root) {
    check.state = State::kFailed;
    check.found = fmt::format("{}, which is too old: it has no --shared-root", gvisor.version);
  } else {
    return {.name = check.name, .found = gvisor.version};
  }
  return check;
}

Check CheckRunscLayout(const Gvisor& gvisor) {
  Check check{.name = "runsc-layout"};
  if (!gvisor.program) return Unasked(check.name, "runsc");
  const int date = DateOf(gvisor.version);
  if (!gvisor.barred.empty()) {
    check.state = State::kFailed;
    check.found = fmt::format("only its owner may use \"{}\"", gvisor.barred.string());
    check.why = "runsc starts itself again as a user without rights, who must be able to read it";
    check.fix =
        fmt::format("chmod a+rx \"{}\", or install it elsewhere: fumehood install --system", gvisor.barred.string());
  } else if (gvisor.has_sidecars) {
    check.found = "with its programs in gvisor-bin/, for everybody to read";
  } else if (date >= kFirstTarball) {
    check.state = date >= kSidecarsRequired ? State::kFailed : State::kNote;
    check.found = "there is no gvisor-bin/ beside it";
    check.why =
        "since July 2026 a release is several programs that belong together; one alone starts slowly, or not at all";
    check.fix = "fumehood install brings them all; never copy runsc alone";
  } else {
    check.found = "a single file, for everybody to read";
  }
  return check;
}

Check CheckInstaller() {
  Check check{.name = "installer"};
  const auto script = FindScript("install-runsc");
  if (!script) return {.name = check.name, .state = State::kNote, .found = script.error().message};
  const auto planned = Ask({script->string(), "--dry-run"});
  check.why = "fumehood install has to write there";
  check.fix = "choose a folder of yours with fumehood install --to DIR, or let it ask sudo: fumehood install --system";
  if (!planned) {
    check.state = State::kFailed;
    check.found = planned.error().message;
    return check;
  }
  // "destination: FOLDER (REASON)" is the line that tells where.
  constexpr std::string_view kDestination = "destination: ";
  const size_t at = planned->err.find(kDestination);
  if (planned->status != 0 || at == std::string::npos) {
    check.state = State::kFailed;
    check.found = OneLine(planned->err);
    check.why = "fumehood install can't do its work like this";
    check.fix = "as it says";
    return check;
  }
  std::string line = planned->err.substr(at + kDestination.size());
  line.resize(std::min(line.size(), line.find('\n')));
  fs::path folder = line.substr(0, line.rfind(" ("));
  check.found = fmt::format("fumehood install would write to {}", line);
  std::error_code ignored;
  while (!fs::exists(folder, ignored) && folder.has_relative_path()) folder = folder.parent_path();
  if (access(folder.c_str(), W_OK) == 0) return {.name = check.name, .found = check.found};
  check.state = State::kFailed;
  check.found += fmt::format(", which it may not: {}", std::strerror(errno));
  return check;
}

Check CheckDownload(const std::string& architecture) {
  Check check{.name = "download"};
  const std::string_view mirror = sandbox::EnvironmentVariable("FUMEHOOD_GVISOR_URL");
  const std::string url =
      fmt::format("{}/latest/{}/gvisor.tar.bz2.sha512",
                  mirror.empty() ? "https://storage.googleapis.com/gvisor/releases/release" : mirror,
                  architecture == "amd64"   ? "x86_64"
                  : architecture == "arm64" ? "aarch64"
                                            : architecture);
  check.why = "fumehood install gets gVisor from there";
  check.fix =
      "check the network and https_proxy, or name a mirror in FUMEHOOD_GVISOR_URL; without a network: "
      "fumehood install --file gvisor.tar.bz2, or --from-source where a Go module proxy is reachable";
  const auto answer = Ask({"/usr/bin/env", "curl", "--silent", "--show-error", "--fail", "--location", "--output",
                           "/dev/null", "--max-time", "15", url});
  if (answer && answer->status == 0) return {.name = check.name, .found = url + " can be had"};
  check.state = State::kFailed;
  check.found = fmt::format("{} can't be had: {}", url, answer ? OneLine(answer->err) : answer.error().message);
  if (answer && answer->status == 127) check.fix = "install curl";
  return check;
}

Check CheckSandbox(const std::string& platform, const LocalOptions& options) {
  Check check{.name = "sandbox-" + platform};
  if (platform == "kvm") {
    const UniqueFd kvm(open("/dev/kvm", O_RDWR | O_CLOEXEC));
    if (!kvm.valid()) {
      check.state = State::kSkipped;
      check.found = fmt::format("/dev/kvm can't be opened: {}", std::strerror(errno));
      return check;
    }
  }
  LocalOptions with_platform = options;
  with_platform.platform = platform;
  const Availability tried = TryOut(Isolation::kRunsc, with_platform);
  if (!tried.failure) {
    check.found = "a sandbox started, and ran a command";
    return check;
  }
  check.state = State::kFailed;
  check.found = OneLine(tried.failure->message);
  check.why = "whatever is said of this machine, only a sandbox that has started proves that it can";
  check.fix = fmt::format(
      "repair what else has failed here; fumehood run --isolation=runsc --platform={} -- true tries again", platform);
  return check;
}

}  // namespace fumehood::cli::doctor
