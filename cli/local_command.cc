#include "cli/local_command.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <string_view>
#include <system_error>
#include <utility>

#include "cli/remembered.h"
#include "lib/sandbox/containment.h"
#include "lib/sandbox/docker_runner.h"
#include "lib/sandbox/process_runner.h"
#include "lib/sandbox/program_lookup.h"
#include "lib/sandbox/runsc.h"
#include "lib/sandbox/runsc_runner.h"
#include "lib/sandbox/user_namespace.h"

namespace fumehood::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kRoot = "/";

Result<fs::path> DirectoryAt(const fs::path& path, std::string_view what) {
  std::error_code error;
  fs::path canonical = fs::canonical(path, error);
  if (error) return Fail(ErrorCode::kInvalid, "the {} \"{}\": {}", what, path.string(), error.message());
  if (!fs::is_directory(canonical, error)) {
    return Fail(ErrorCode::kInvalid, "the {} \"{}\" is not a directory", what, path.string());
  }
  if (canonical == kRoot) return Fail(ErrorCode::kInvalid, "the {} can't be \"/\", the whole file system", what);
  return canonical;
}

// Whether `path` is `directory` or in it; both are canonical.
bool IsIn(const fs::path& path, const fs::path& directory) {
  return std::ranges::mismatch(directory, path).in1 == directory.end();
}

// A directory at its own path must not hide what a sandbox has of its own.
Status CheckThatItCanBeShown(const fs::path& directory) {
  constexpr std::array<const char*, 7> kOwn = {"/.fumehood", "/bin", "/dev", "/proc", "/sys", "/usr", "/workspace"};
  for (const fs::path own : kOwn) {
    if (IsIn(directory, own) || IsIn(own, directory)) {
      return Fail(ErrorCode::kInvalid,
                  "the repository \"{}\" can't be shown at its own path, where a sandbox has \"{}\"",
                  directory.string(), own.string());
    }
  }
  if (directory == "/tmp")
    return Fail(ErrorCode::kInvalid, "the repository can't be \"/tmp\", where a sandbox has its own");
  return {};
}

// Docker's client finds its engine by these.
std::vector<std::string> DockersEnvironment() {
  std::vector<std::string> chosen = sandbox::OwnEnvironment();
  std::erase_if(chosen, [](const std::string& entry) {
    return !entry.starts_with("DOCKER_") && !entry.starts_with("HOME=") && !entry.starts_with("PATH=") &&
           !entry.starts_with("XDG_RUNTIME_DIR=");
  });
  return chosen;
}

Status PrepareStateDirectory(const fs::path& path) {
  std::error_code error;
  fs::create_directory(path, error);
  if (error) return FailErrno(error.value(), fmt::format("make \"{}\"", path.string()));
  struct stat status{};
  if (lstat(path.c_str(), &status) != 0) return FailErrno(errno, fmt::format("look at \"{}\"", path.string()));
  if (!S_ISDIR(status.st_mode) || status.st_uid != geteuid()) {
    return Fail(ErrorCode::kForbidden, "\"{}\" is not a directory of ours: remove it", path.string());
  }
  return {};
}

// To ask it is to start it, and takes nearly a tenth of what a sandbox takes.
Result<std::string> VersionOf(const fs::path& runsc) {
  constexpr char kWhat[] = "runsc_version";
  const std::string key = Fingerprint(runsc);
  if (auto known = Recall(kWhat, key)) return *std::move(known);
  auto version = sandbox::Runsc::AskVersion(runsc);
  if (version) Remember(kWhat, key, *version);
  return version;
}

Result<std::unique_ptr<sandbox::CommandRunner>> OpenRunsc(const LocalOptions& options,
                                                          const sandbox::RunRequest& request) {
  auto runsc = FindRunsc(options);
  if (!runsc) return Forward(std::move(runsc));
  auto init = FindInit();
  if (!init) return Forward(std::move(init));
  const fs::path state = StateDirectory();
  if (Status prepared = PrepareStateDirectory(state); !prepared) return Forward(std::move(prepared));
  sandbox::ImageSource images = sandbox::HostPrograms{};
  if (!options.image.empty()) {
    auto image = DirectoryAt(options.image, "image");
    if (!image) return Forward(std::move(image));
    images = sandbox::ImageDirectory{std::move(*image)};
  }
  auto version = VersionOf(*runsc);
  if (!version) return Forward(std::move(version));
  sandbox::Cgroups cgroups = sandbox::CgroupParent::Open("");
  if (!sandbox::MayMount()) {
    if (Status entered = sandbox::EnterUserNamespace(); !entered) return Forward(std::move(entered));
  }
  if (Status contained = sandbox::EnterContainment(state); !contained) return Forward(std::move(contained));
  auto runner = sandbox::RunscRunner::Create({.runsc = std::move(*runsc),
                                              .version = std::move(*version),
                                              .platform = options.platform,
                                              .init = std::move(*init),
                                              .images = std::move(images),
                                              .repository_root = kRoot,
                                              .also_visible = request.also_visible,
                                              .state = state},
                                             std::move(cgroups));
  if (!runner) return Forward(std::move(runner));
  return std::move(*runner);
}

}  // namespace

fs::path StateDirectory() {
  if (geteuid() == 0) return "/run/fumehood-local";
  const std::string_view runtime = sandbox::EnvironmentVariable("XDG_RUNTIME_DIR");
  if (runtime.starts_with('/')) return fs::path(runtime) / "fumehood";
  return fmt::format("/tmp/fumehood-{}", geteuid());
}

Result<sandbox::DockerClient> OpenDocker(const LocalOptions& options) {
  auto program = FindDocker(options);
  if (!program) return Forward(std::move(program));
  return sandbox::DockerClient{.program = std::move(*program), .environment = DockersEnvironment()};
}

Result<sandbox::RunRequest> ToRequest(const LocalCommand& command, const LocalOptions& options, Isolation isolation) {
  sandbox::RunRequest request{.argv = command.argv,
                              .env = command.env,
                              .stdin_data = command.stdin_data,
                              .image = options.image,
                              .repository_path = "",
                              .access = command.access,
                              .also_visible = {},
                              .working_dir = "",
                              .limits = command.limits,
                              .timeout = command.timeout,
                              .max_output_bytes = command.max_output_bytes};
  if (isolation == Isolation::kRunsc) request.image = options.image.empty() ? "host" : "default";
  if (isolation == Isolation::kDocker) request.image = DockerImageOf(options);

  fs::path start = command.working_dir.empty() ? command.repository : command.working_dir;
  auto working_dir = DirectoryAt(start.empty() ? "." : start, "working directory");
  if (!working_dir) return Forward(std::move(working_dir));
  auto workspace = *working_dir;
  if (!command.repository.empty()) {
    auto repository = DirectoryAt(command.repository, "repository");
    if (!repository) return Forward(std::move(repository));
    if (IsIn(*working_dir, *repository)) {
      workspace = *repository;
    } else {
      if (Status can = CheckThatItCanBeShown(*repository); !can) return Forward(std::move(can));
      request.also_visible.push_back(std::move(*repository));
    }
  }
  request.repository_path = workspace.relative_path().string();
  if (*working_dir != workspace) request.working_dir = working_dir->lexically_relative(workspace).string();
  return request;
}

Result<std::unique_ptr<sandbox::CommandRunner>> OpenRunner(Isolation isolation, const LocalOptions& options,
                                                           const sandbox::RunRequest& request) {
  switch (isolation) {
    case Isolation::kRunsc: return OpenRunsc(options, request);
    case Isolation::kDocker: {
      auto docker = OpenDocker(options);
      if (!docker) return Forward(std::move(docker));
      return std::make_unique<sandbox::DockerRunner>(
          sandbox::DockerOptions{.docker = std::move(*docker), .repository_root = kRoot});
    }
    case Isolation::kProcess: return std::make_unique<sandbox::ProcessRunner>(kRoot);
    case Isolation::kAuto: break;
  }
  return Fail(ErrorCode::kInternal, "auto is no isolation");
}

}  // namespace fumehood::cli
