#include "lib/sandbox/docker_runner.h"

#include <fcntl.h>
#include <sys/random.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <future>
#include <nlohmann/json.hpp>
#include <string_view>
#include <utility>

#include "lib/base/unique_fd.h"
#include "lib/sandbox/child_process.h"
#include "lib/sandbox/container_owner.h"
#include "lib/sandbox/hand_over.h"
#include "lib/sandbox/limits.h"

namespace fumehood::sandbox {

namespace {

namespace fs = std::filesystem;

// What the engine says about a failure.
constexpr uint64_t kEnoughForWords = 8 * 1024;
// The exit status of `docker run` where the engine, not the command, has failed; and those of a command that it could
// not execute (docs.docker.com, "docker run", exit status).
constexpr int kEngineFailed = 125;
constexpr int kNotExecutable = 126;
constexpr int kNotFound = 127;

Result<std::string> MakeName() {
  uint64_t random = 0;
  if (getrandom(&random, sizeof random, 0) != sizeof random) return FailErrno(errno, "name a container");
  return fmt::format("fumehood-{:016x}", random);
}

std::string WithoutNewline(std::string line) { return line.substr(0, line.find('\n')); }

// At most `max_bytes` of it, half from its head and half from its tail.
CapturedOutput Shortened(CapturedOutput output, uint64_t max_bytes) {
  if (output.head.size() + output.tail.size() <= max_bytes) return output;
  output.head.resize(std::min<size_t>(output.head.size(), max_bytes / 2));
  output.tail.erase(0, output.tail.size() - std::min<size_t>(output.tail.size(), max_bytes - max_bytes / 2));
  return output;
}

// Only what the engine says begins like this, unless a command imitates it: then it tells about itself.
bool IsOfTheEngine(const CapturedOutput& error_output) { return error_output.head.starts_with("docker: "); }

std::string MountOf(const fs::path& source, const fs::path& target) {
  // The option is a line of comma separated values: a value with a comma or a quote is quoted.
  const auto quoted = [](std::string field) {
    if (field.find_first_of(",\"") == std::string::npos) return field;
    for (size_t at = field.find('"'); at != std::string::npos; at = field.find('"', at + 2)) field.insert(at, 1, '"');
    return "\"" + field + "\"";
  };
  return fmt::format("type=bind,{},{},readonly", quoted("source=" + source.string()),
                     quoted("target=" + target.string()));
}

// Removes a container when this process dies before it has said that it did so itself.
class Watchman {
 public:
  static Result<Watchman> Post(const DockerClient& docker, const std::string& name) {
    auto pipe = MakePipe();
    if (!pipe) return Forward(std::move(pipe));
    const UniqueFd null(open("/dev/null", O_RDWR | O_CLOEXEC));
    if (!null.valid()) return FailErrno(errno, "open /dev/null");
    const auto pid =
        Spawn({.argv = {"/bin/sh", "-c", "read done || exec \"$0\" rm --force \"$1\"", docker.program.string(), name},
               .env = docker.environment,
               .working_dir = "/",
               .streams = {.in = pipe->read_end.get(), .out = null.get(), .err = null.get()}});
    if (!pid) return FailErrno(pid.error(), "start the watchman of a container");
    return Watchman(*pid, std::move(pipe->write_end));
  }
  Watchman(Watchman&& other) noexcept : pid_(std::exchange(other.pid_, 0)), line_(std::move(other.line_)) {}
  Watchman& operator=(Watchman&&) = delete;
  ~Watchman() {
    if (pid_ == 0) return;
    constexpr std::string_view kDone = "done\n";
    (void)!write(line_.get(), kDone.data(), kDone.size());
    line_.Reset();
    while (waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
    }
  }

 private:
  Watchman(pid_t pid, UniqueFd line) : pid_(pid), line_(std::move(line)) {}

  pid_t pid_;
  UniqueFd line_;
};

}  // namespace

std::vector<std::string> DockerRunner::CommandLine(const RunRequest& request, const std::string& name,
                                                   const std::vector<std::string>& env) const {
  const uint64_t scratch_bytes = request.limits.scratch_bytes.value_or(options_.scratch_bytes);
  std::vector<std::string> arguments = {
      "run",
      "--name=" + name,
      fmt::format("--label={}={}", kOwnerLabel, OwnerOf(getpid())),
      "--runtime=" + options_.runtime,
      "--network=none",
      "--read-only",
      "--cap-drop=ALL",
      "--security-opt=no-new-privileges",
      "--log-driver=none",
      "--pull=never",
      fmt::format("--user={0}:{0}", kCommandUser),
      "--hostname=sandbox",
      fmt::format("--tmpfs=/tmp:rw,exec,nosuid,nodev,mode=1777,size={}", scratch_bytes),
      fmt::format("--shm-size={}", scratch_bytes),
      "--mount=" + MountOf(options_.repository_root / request.repository_path, init::kWorkspacePath),
      "--workdir=" + (fs::path(init::kWorkspacePath) / request.working_dir).string(),
      // Whatever the image says about it, the command is what was asked for.
      "--entrypoint=" + request.argv.front(),
  };
  const Limits& limits = request.limits;
  // With a limit of memory we ask afterwards whether it was reached, and remove the container ourselves.
  if (limits.memory_bytes) {
    arguments.push_back(fmt::format("--memory={0}", *limits.memory_bytes));
    arguments.push_back(fmt::format("--memory-swap={0}", *limits.memory_bytes));
  } else {
    arguments.emplace_back("--rm");
  }
  if (limits.cpu_millicores) arguments.push_back(fmt::format("--cpus={:.3f}", *limits.cpu_millicores / 1000.0));
  if (limits.pids) {
    arguments.push_back(fmt::format("--ulimit=nproc={0}:{0}", *limits.pids));
    arguments.push_back(fmt::format("--pids-limit={}", HostProcessesFor(*limits.pids)));
  }
  for (const fs::path& directory : request.also_visible)
    arguments.push_back("--mount=" + MountOf(directory, directory));
  for (const std::string& entry : env) arguments.push_back("--env=" + entry);
  if (!request.stdin_data.empty()) arguments.push_back("--interactive");
  arguments.push_back(request.image);
  arguments.insert(arguments.end(), request.argv.begin() + 1, request.argv.end());
  return arguments;
}

// The exit status alone doesn't tell: 126 is also a socket that may not be opened, 127 a runtime that can't be started.
Result<NotStarted> DockerRunner::WhyNotRun(int exit_status, const CapturedOutput& output,
                                           const RunRequest& request) const {
  using enum NotStarted::Cause;
  const std::string words = WordsOf(output);
  if (words.contains("OCI runtime start failed")) {
    return NotStarted{.cause = exit_status == kNotFound ? kCommandNotFound : kCommandNotExecutable,
                      .message = fmt::format("\"{}\": {}", request.argv.front(), words)};
  }
  // Its words differ between versions; where it doesn't answer, they say why.
  const auto answer = options_.docker.Ask({"info", "--format", "{{json .Runtimes}}"});
  const auto runtimes = nlohmann::json::parse(answer.value_or(""), nullptr, /*allow_exceptions=*/false);
  if (runtimes.is_object() && !runtimes.contains(options_.runtime)) {
    return Fail(
        ErrorCode::kUnavailable,
        "the Docker engine has no runtime \"{}\": scripts/setup-docker registers it, and `docker info` shows it",
        options_.runtime);
  }
  if (words.contains("No such image")) {
    return NotStarted{
        .cause = kImageUnavailable,
        .message = fmt::format("the Docker engine has no image \"{0}\", and none is pulled here: docker pull {0}",
                               request.image)};
  }
  return Fail(ErrorCode::kUnavailable, "run a container: {}", words);
}

RunResult DockerRunner::Ended(Ending ending, const Result<std::string>& engine_version) const {
  RunResult result;
  result.ending = std::move(ending);
  result.isolation = {.runtime = options_.runtime,
                      .version = "docker " + WithoutNewline(engine_version.value_or("(of unknown version)")),
                      .platform = "",
                      .network = "none",
                      .repository = "ReadOnly"};
  return result;
}

bool DockerRunner::RemoveAndTellWhetherOutOfMemory(const std::string& name) const {
  const auto answer = options_.docker.Ask({"inspect", "--format", "{{.State.OOMKilled}}", name});
  (void)options_.docker.Ask({"rm", "--force", name});
  return answer && answer->starts_with("true");
}

Result<RunResult> DockerRunner::Run(const RunRequest& request, const std::function<void()>& on_started,
                                    std::stop_token stop) {
  if (request.access != RepositoryAccess::kReadOnly) {
    return Fail(ErrorCode::kInvalid, "with Docker the repository can be had read-only, and not Ephemeral");
  }
  if (Status can = CheckValues(request.limits); !can) return Forward(std::move(can));
  const DockerClient& client = options_.docker;
  // Beside the run, which takes far longer.
  auto version = std::async(
      std::launch::async, [&client, stop] { return client.Ask({"version", "--format", "{{.Server.Version}}"}, stop); });
  auto hand_over = MakeHandOver(request, options_.scratch_bytes);
  if (!hand_over) return Forward(std::move(hand_over));
  if (auto* refused = std::get_if<NotStarted>(&*hand_over)) return Ended(std::move(*refused), version.get());
  const auto name = MakeName();
  if (!name) return std::unexpected(name.error());

  HostCommand docker = client.Command(CommandLine(request, *name, std::get<init::HandOver>(*hand_over).env));
  docker.stdin_data = request.stdin_data;
  docker.timeout = request.timeout;
  docker.max_output_bytes = std::max(request.max_output_bytes, kEnoughForWords);
  docker.stdout_to = request.stdout_to;
  docker.stderr_to = request.stderr_to;
  // Docker's command line ends by itself when its container is gone.
  docker.end_early = [&client, &name](pid_t) { (void)client.Ask({"kill", *name}); };
  const auto watchman = Watchman::Post(client, *name);
  if (!watchman) return std::unexpected(watchman.error());
  const SteadyTime called = std::chrono::steady_clock::now();
  auto ran = RunHostCommand(docker, on_started, std::move(stop));
  const bool was_out_of_memory = request.limits.memory_bytes && RemoveAndTellWhetherOutOfMemory(*name);
  if (!ran) return Forward(std::move(ran));
  if (const int* error_number = std::get_if<int>(&*ran)) {
    return FailErrno(*error_number, fmt::format("start \"{}\"", client.program.string()));
  }
  auto& ended = std::get<HostCommandResult>(*ran);

  Ending ending = Cancelled{};
  if (const auto* own = std::get_if<HostEnded>(&ended.ending)) {
    if (WIFSIGNALED(own->wait_status)) {
      return Fail(ErrorCode::kUnavailable, "Docker's command line was killed by signal {}", WTERMSIG(own->wait_status));
    }
    const int status = WEXITSTATUS(own->wait_status);
    if (status >= kEngineFailed && status <= kNotFound && IsOfTheEngine(ended.stderr_output)) {
      auto not_started = WhyNotRun(status, ended.stderr_output, request);
      if (!not_started) return Forward(std::move(not_started));
      return Ended(*std::move(not_started), version.get());
    }
    if (was_out_of_memory && status == 128 + SIGKILL) {
      ending = OutOfMemory{};
    } else {
      ending = status > 128 && status <= 128 + SIGRTMAX ? Ending(Signaled{status - 128}) : Ending(Exited{status});
    }
  } else {
    // The command line may not have ended with its container.
    (void)client.Ask({"rm", "--force", *name});
    if (std::holds_alternative<TimedOut>(ended.ending)) ending = TimedOut{};
  }
  const auto engine = version.get();
  // An engine that is silent has run nothing whose time could be over.
  if (!engine && std::holds_alternative<TimedOut>(ending)) return Wrap(engine.error(), "run a container");
  RunResult result = Ended(std::move(ending), engine);
  result.isolation.limits = request.limits;
  result.isolation.limits.scratch_bytes = request.limits.scratch_bytes.value_or(options_.scratch_bytes);
  result.stdout_output = Shortened(std::move(ended.stdout_output), request.max_output_bytes);
  result.stderr_output = Shortened(std::move(ended.stderr_output), request.max_output_bytes);
  result.startup = std::chrono::duration_cast<std::chrono::microseconds>(ended.started - called);
  result.duration = std::chrono::duration_cast<std::chrono::microseconds>(ended.ended - ended.started);
  return result;
}

}  // namespace fumehood::sandbox
