#include "lib/sandbox/docker_runner.h"

#include <fcntl.h>
#include <sys/random.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>
#include <sstream>
#include <string_view>
#include <utility>

#include "lib/base/unique_fd.h"
#include "lib/sandbox/hand_over.h"
#include "lib/sandbox/limits.h"

namespace fumehood::sandbox {

namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

constexpr std::string_view kOwnerLabel = "dev.fumehood.owner";
constexpr auto kQueryLimit = 20s;
constexpr uint64_t kMaxAnswer = 1024 * 1024;
// What the engine says about a failure.
constexpr uint64_t kEnoughForWords = 8 * 1024;
// The exit status of `docker run` where the engine, not the command, has failed; and those of a command that it could
// not execute (docs.docker.com, "docker run", exit status).
constexpr int kEngineFailed = 125;
constexpr int kNotExecutable = 126;
constexpr int kNotFound = 127;

// What names this process among all that this machine has ever had: the boot, the pid, and the pid's start time.
std::string OwnerOf(pid_t pid) {
  std::string boot;
  std::getline(std::ifstream("/proc/sys/kernel/random/boot_id"), boot);
  std::string stat;
  std::getline(std::ifstream(fmt::format("/proc/{}/stat", pid)), stat);
  // The start time is the 20th field after the name, which is in parentheses and may hold anything.
  std::istringstream fields(stat.substr(std::min(stat.rfind(')') + 1, stat.size())));
  std::string field;
  for (int i = 0; i < 20 && fields >> field; ++i) {
  }
  return fmt::format("{}/{}/{}", boot, pid, field);
}

Result<std::string> MakeName() {
  uint64_t random = 0;
  if (getrandom(&random, sizeof random, 0) != sizeof random) return FailErrno(errno, "name a container");
  return fmt::format("fumehood-{:016x}", random);
}

// What Docker said, on one line.
std::string Words(const CapturedOutput& output) {
  std::string text = output.head + output.tail;
  std::ranges::replace_if(text, [](unsigned char c) { return c < ' ' || c == 0x7f; }, ' ');
  text.erase(text.find_last_not_of(' ') + 1);
  return text.empty() ? "it gave no reason" : text;
}

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
    for (size_t at = field.find('"'); at != std::string::npos; at = field.find('"', at + 2)) field.insert(at, "\"");
    return "\"" + field + "\"";
  };
  return fmt::format("type=bind,{},{},readonly", quoted("source=" + source.string()),
                     quoted("target=" + target.string()));
}

// Removes a container when this process dies before it has said that it did so itself.
class Watchman {
 public:
  static Result<Watchman> Post(const Program& docker, const std::string& name) {
    auto pipe = MakePipe();
    if (!pipe) return Forward(std::move(pipe));
    const UniqueFd null(open("/dev/null", O_RDWR | O_CLOEXEC));
    if (!null.valid()) return FailErrno(errno, "open /dev/null");
    const auto pid =
        Spawn({.argv = {"/bin/sh", "-c", "read done || exec \"$0\" rm --force \"$1\"", docker.argv.front(), name},
               .env = docker.env,
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

// Runs one of Docker's commands to its end.
Result<std::string> Ask(const HostCommand& docker) {
  auto ran = RunHostCommand(docker, {}, {});
  if (!ran) return Forward(std::move(ran));
  if (const int* error_number = std::get_if<int>(&*ran)) {
    return FailErrno(*error_number, fmt::format("start \"{}\"", docker.program.argv.front()));
  }
  auto& result = std::get<HostCommandResult>(*ran);
  const auto* ended = std::get_if<HostEnded>(&result.ending);
  if (ended == nullptr) return Fail(ErrorCode::kUnavailable, "Docker gave no answer within {} s", kQueryLimit.count());
  if (ended->wait_status != 0) return Fail(ErrorCode::kUnavailable, "Docker says: {}", Words(result.stderr_output));
  return std::move(result.stdout_output.head);
}

// What the engine's words say about the command; nothing where they are about the engine itself. The exit status alone
// doesn't tell: 126 is also a socket that may not be opened, 127 a runtime that can't be started.
std::optional<NotStarted> WhyNotStarted(int exit_status, const std::string& words, const RunRequest& request) {
  using enum NotStarted::Cause;
  if (words.contains("No such image")) {
    return NotStarted{
        .cause = kImageUnavailable,
        .message = fmt::format("the Docker engine has no image \"{0}\", and none is pulled here: docker pull {0}",
                               request.image)};
  }
  if (!words.contains("OCI runtime start failed")) return std::nullopt;
  return NotStarted{.cause = exit_status == kNotFound ? kCommandNotFound : kCommandNotExecutable,
                    .message = fmt::format("\"{}\": {}", request.argv.front(), words)};
}

}  // namespace

Result<std::unique_ptr<DockerRunner>> DockerRunner::Create(DockerOptions options) {
  std::unique_ptr<DockerRunner> runner(new DockerRunner(std::move(options)));
  const auto answer = Ask(runner->Docker({"info", "--format", "{{json .ServerVersion}} {{json .Runtimes}}"}));
  if (!answer) return Wrap(answer.error(), "ask the Docker engine for its runtimes");
  std::istringstream words(*answer);
  nlohmann::json version;
  nlohmann::json runtimes;
  try {
    words >> version >> runtimes;
  } catch (const nlohmann::json::exception&) {
    return Fail(ErrorCode::kInternal, "ask the Docker engine for its runtimes: it says \"{}\"", *answer);
  }
  const std::string& runtime = runner->options_.runtime;
  if (!runtimes.is_object() || !runtimes.contains(runtime)) {
    return Fail(
        ErrorCode::kUnavailable,
        "the Docker engine has no runtime \"{}\": scripts/setup-docker registers it, and `docker info` shows it",
        runtime);
  }
  if (version.is_string()) runner->version_ = version.get<std::string>();
  return runner;
}

HostCommand DockerRunner::Docker(std::vector<std::string> arguments) const {
  arguments.insert(arguments.begin(), options_.docker.string());
  return {.program = {.argv = std::move(arguments), .env = options_.environment, .streams = {}},
          .stdin_data = "",
          .timeout = kQueryLimit,
          .max_output_bytes = kMaxAnswer};
}

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

RunResult DockerRunner::WithoutStart(Ending ending) const {
  RunResult result;
  result.ending = std::move(ending);
  result.isolation = {.runtime = options_.runtime,
                      .version = "docker " + version_,
                      .platform = "",
                      .network = "none",
                      .repository = "ReadOnly"};
  return result;
}

bool DockerRunner::RemoveAndTellWhetherOutOfMemory(const std::string& name) const {
  const auto answer = Ask(Docker({"inspect", "--format", "{{.State.OOMKilled}}", name}));
  (void)Ask(Docker({"rm", "--force", name}));
  return answer && answer->starts_with("true");
}

Result<RunResult> DockerRunner::Run(const RunRequest& request, const std::function<void()>& on_started,
                                    std::stop_token stop) {
  auto hand_over = MakeHandOver(request, options_.scratch_bytes);
  if (!hand_over) return Forward(std::move(hand_over));
  if (request.access != RepositoryAccess::kReadOnly) {
    return Fail(ErrorCode::kInvalid, "with Docker the repository can be had read-only, and not Ephemeral");
  }
  if (Status can = CheckValues(request.limits); !can) return Forward(std::move(can));
  if (auto* refused = std::get_if<NotStarted>(&*hand_over)) return WithoutStart(std::move(*refused));
  const auto name = MakeName();
  if (!name) return std::unexpected(name.error());

  HostCommand docker = Docker(CommandLine(request, *name, std::get<init::HandOver>(*hand_over).env));
  docker.stdin_data = request.stdin_data;
  docker.timeout = request.timeout;
  docker.max_output_bytes = std::max(request.max_output_bytes, kEnoughForWords);
  docker.stdout_to = request.stdout_to;
  docker.stderr_to = request.stderr_to;
  // Docker's command line ends by itself when its container is gone.
  docker.end_early = [this, &name](pid_t) { (void)Ask(Docker({"kill", *name})); };
  const auto watchman = Watchman::Post(docker.program, *name);
  if (!watchman) return std::unexpected(watchman.error());
  const SteadyTime called = std::chrono::steady_clock::now();
  auto ran = RunHostCommand(docker, on_started, std::move(stop));
  const bool was_out_of_memory = request.limits.memory_bytes && RemoveAndTellWhetherOutOfMemory(*name);
  if (!ran) return Forward(std::move(ran));
  if (const int* error_number = std::get_if<int>(&*ran)) {
    return FailErrno(*error_number, fmt::format("start \"{}\"", options_.docker.string()));
  }
  auto& ended = std::get<HostCommandResult>(*ran);

  Ending ending = Cancelled{};
  if (const auto* own = std::get_if<HostEnded>(&ended.ending)) {
    if (WIFSIGNALED(own->wait_status)) {
      return Fail(ErrorCode::kUnavailable, "Docker's command line was killed by signal {}", WTERMSIG(own->wait_status));
    }
    const int status = WEXITSTATUS(own->wait_status);
    if (status >= kEngineFailed && status <= kNotFound && IsOfTheEngine(ended.stderr_output)) {
      const std::string words = Words(ended.stderr_output);
      if (auto not_started = WhyNotStarted(status, words, request)) return WithoutStart(std::move(*not_started));
      return Fail(ErrorCode::kUnavailable, "run a container: {}", words);
    }
    if (was_out_of_memory && status == 128 + SIGKILL) {
      ending = OutOfMemory{};
    } else {
      ending = status > 128 && status <= 128 + SIGRTMAX ? Ending(Signaled{status - 128}) : Ending(Exited{status});
    }
  } else {
    // The command line may not have ended with its container.
    (void)Ask(Docker({"rm", "--force", *name}));
    if (std::holds_alternative<TimedOut>(ended.ending)) ending = TimedOut{};
  }
  RunResult result = WithoutStart(std::move(ending));
  result.isolation.limits = request.limits;
  result.isolation.limits.scratch_bytes = request.limits.scratch_bytes.value_or(options_.scratch_bytes);
  result.stdout_output = Shortened(std::move(ended.stdout_output), request.max_output_bytes);
  result.stderr_output = Shortened(std::move(ended.stderr_output), request.max_output_bytes);
  result.startup = std::chrono::duration_cast<std::chrono::microseconds>(ended.started - called);
  result.duration = std::chrono::duration_cast<std::chrono::microseconds>(ended.ended - ended.started);
  return result;
}

}  // namespace fumehood::sandbox
