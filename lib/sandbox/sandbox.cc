#include "lib/sandbox/sandbox.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <system_error>
#include <utility>

#include "lib/base/one_line.h"
#include "lib/sandbox/child_process.h"
#include "lib/sandbox/limits.h"
#include "lib/sandbox/oci_bundle.h"
#include "lib/sandbox/pidfd.h"
#include "lib/sandbox/repository.h"

namespace fumehood::sandbox {

namespace {

using namespace std::chrono_literals;

// A killed sandbox is gone within milliseconds; one that isn't is stuck in the kernel.
constexpr auto kDeathLimit = 5s;
constexpr size_t kMaxReasonBytes = 2048;

Status WriteConfig(const SandboxDirectory& directory, const std::filesystem::path& root) {
  const std::filesystem::path path = directory.bundle() / "config.json";
  std::ofstream file(path);
  file << OciConfig({.root = root, .late = directory.late()});
  file.close();
  if (!file) return Fail(ErrorCode::kUnavailable, "write \"{}\"", path.string());
  return {};
}

Status WriteMemoryInfo(const SandboxDirectory& directory, uint64_t bytes) {
  std::ofstream file(directory.memory_info());
  file << fmt::format("MemTotal: {} kB\n", bytes / 1024);
  file.close();
  if (!file) return Fail(ErrorCode::kUnavailable, "write \"{}\"", directory.memory_info().string());
  return {};
}

struct SocketPair {
  UniqueFd ours;
  UniqueFd theirs;
};

Result<SocketPair> MakeSocketPair() {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
    return FailErrno(errno, "make a socket pair");
  }
  return SocketPair{.ours = UniqueFd(ends[0]), .theirs = UniqueFd(ends[1])};
}

// The sandbox that has just been started. Its number is checked against its command line, because a sandbox
// that died at once may have left it to another process.
Result<UniqueFd> OpenProcess(const SandboxDirectory& directory) {
  pid_t pid = 0;
  if (!(std::ifstream(directory.pid_file()) >> pid)) {
    return Fail(ErrorCode::kUnavailable, "runsc wrote no pid file");
  }
  UniqueFd process(pidfd_open(pid, 0));
  if (!process.valid()) return FailErrno(errno, "watch the sandbox's process");
  std::ifstream file(fmt::format("/proc/{}/cmdline", pid));
  std::string command_line;
  std::getline(file, command_line);
  if (!command_line.contains(directory.id())) {
    return Fail(ErrorCode::kUnavailable, "the sandbox died at once");
  }
  return process;
}

// What runsc said when it failed: one line, without what would break a log.
std::string ReadReason(int stderr_pipe) {
  std::string reason = OneLine(ReadAvailable(stderr_pipe, kMaxReasonBytes));
  return reason.empty() ? "it gave no reason" : reason;
}

}  // namespace

Result<std::unique_ptr<Sandbox>> Sandbox::Start(const Runsc& runsc, const SandboxSetup& setup) {
  Result<SandboxDirectory> directory = SandboxDirectory::Create(setup.pool);
  if (!directory) return Forward(std::move(directory));
  const std::string context = fmt::format("start sandbox \"{}\"", directory->id());
  if (Status written = WriteConfig(*directory, setup.root); !written) return Wrap(written.error(), context);
  std::optional<Cgroup> cgroup;
  Confinement confinement;
  if (setup.cgroups != nullptr) {
    Result<Cgroup> made = setup.cgroups->Make(directory->id());
    if (!made) return Wrap(made.error(), context);
    cgroup.emplace(*std::move(made));
    if (setup.weight != CpuWeight::kOrdinary && cgroup->controls().Has("cpu")) {
      if (Status weighed = cgroup->controls().WeighCpu(setup.weight); !weighed) return Wrap(weighed.error(), context);
    }
    // Before anything of it runs: what is charged elsewhere stays there.
    if (setup.memory_bytes) {
      if (Status limited = cgroup->controls().LimitMemory(*setup.memory_bytes); !limited) {
        return Wrap(limited.error(), context);
      }
    }
    confinement.cgroup = cgroup->entrance();
  }
  if (setup.memory_bytes) {
    if (Status written = WriteMemoryInfo(*directory, *setup.memory_bytes); !written) {
      return Wrap(written.error(), context);
    }
    confinement.memory_info = directory->memory_info();
  }
  Result<SocketPair> control = MakeSocketPair();
  if (!control) return Wrap(control.error(), context);
  Result<Pipe> out = MakePipe();
  if (!out) return Wrap(out.error(), context);
  Result<Pipe> err = MakePipe();
  if (!err) return Wrap(err.error(), context);

  const Status started = runsc.Start(
      *directory, {.in = control->theirs.get(), .out = out->write_end.get(), .err = err->write_end.get()}, confinement);
  if (!started) {
    runsc.Delete(*directory);
    return Wrap(started.error(), fmt::format("{} ({})", context, ReadReason(err->read_end.get())));
  }
  Result<UniqueFd> process = OpenProcess(*directory);
  if (!process) {
    runsc.Delete(*directory);
    return Wrap(process.error(), context);
  }
  // So far only runsc had something to say there.
  ReadAvailable(err->read_end.get(), kMaxReasonBytes);
  return std::unique_ptr<Sandbox>(new Sandbox(std::move(*directory), std::move(cgroup), setup.weight,
                                              std::move(control->ours), std::move(out->read_end),
                                              std::move(err->read_end), std::move(*process)));
}

Sandbox::Sandbox(SandboxDirectory directory, std::optional<Cgroup> cgroup, CpuWeight weight, UniqueFd control,
                 UniqueFd stdout_pipe, UniqueFd stderr_pipe, UniqueFd process)
    : directory_(std::move(directory)),
      cgroup_(std::move(cgroup)),
      weight_(weight),
      control_(std::move(control)),
      stdout_pipe_(std::move(stdout_pipe)),
      stderr_pipe_(std::move(stderr_pipe)),
      process_(std::move(process)) {}

Sandbox::~Sandbox() {
  pidfd_send_signal(process_.get(), SIGKILL, nullptr, 0);
  const SteadyTime deadline = std::chrono::steady_clock::now() + kDeathLimit;
  pollfd death{.fd = process_.get(), .events = POLLIN, .revents = 0};
  while (poll(&death, 1, PollTimeout(deadline)) < 0 && errno == EINTR) {
  }
  // Succeeds only where this very process is the subreaper; otherwise the reaper above us does it.
  siginfo_t ignored;
  waitid(P_PIDFD, static_cast<id_t>(process_.get()), &ignored, WEXITED | WNOHANG);
}

bool Sandbox::IsAlive() const {
  pollfd events[] = {{.fd = process_.get(), .events = POLLIN, .revents = 0},
                     // Before it has a command the init says nothing: whatever comes is its end.
                     {.fd = control_.get(), .events = POLLIN, .revents = 0}};
  return poll(events, std::size(events), 0) == 0;
}

Result<std::optional<NotStarted>> Sandbox::MountRepository(int repository, const RunRequest& request,
                                                           OwnerMappings& mappings) {
  auto mounted =
      MountForCommand(repository, directory_.repository(), request.repository_path, request.access, mappings);
  if (!mounted) return Wrap(mounted.error(), fmt::format("sandbox \"{}\"", directory_.id()));
  if (auto* refused = std::get_if<NotStarted>(&*mounted)) return std::move(*refused);
  repository_ = std::move(std::get<MountPoint>(*mounted));
  return std::nullopt;
}

Result<std::optional<NotStarted>> Sandbox::MountOther(int directory, std::string_view name, OwnerMappings& mappings) {
  const std::filesystem::path target = directory_.other(others_.size());
  std::error_code error;
  std::filesystem::create_directories(target, error);
  if (error) return FailErrno(error.value(), fmt::format("make \"{}\"", target.string()));
  auto mounted = MountForCommand(directory, target, name, RepositoryAccess::kReadOnly, mappings);
  if (!mounted) return Wrap(mounted.error(), fmt::format("sandbox \"{}\"", directory_.id()));
  if (auto* refused = std::get_if<NotStarted>(&*mounted)) return std::move(*refused);
  others_.push_back(std::move(std::get<MountPoint>(*mounted)));
  return std::nullopt;
}

Result<Accounted> Sandbox::RunCommand(const init::HandOver& hand_over, const Limits& limits, CommandLimits bounds,
                                      const std::function<void()>& on_started, std::stop_token stop) {
  CgroupUsage before;
  if (cgroup_) {
    if (weight_ != CpuWeight::kOrdinary && cgroup_->controls().Has("cpu")) {
      if (Status weighed = cgroup_->controls().WeighCpu(CpuWeight::kOrdinary); !weighed) {
        return Forward(std::move(weighed));
      }
    }
    before = cgroup_->controls().Usage();
    if (Status limited = LimitForCommand(cgroup_->controls(), limits); !limited) return Forward(std::move(limited));
  }
  Result<Supervised> supervised = Supervise({.control = control_.get(),
                                             .stdout_pipe = stdout_pipe_.get(),
                                             .stderr_pipe = stderr_pipe_.get(),
                                             .process = process_.get()},
                                            hand_over, bounds, on_started, std::move(stop));
  if (!supervised) return Forward(std::move(supervised));
  Accounted accounted{.supervised = *std::move(supervised), .usage = {}};
  if (!cgroup_) return accounted;
  const CgroupUsage after = cgroup_->controls().Usage();
  if (before.cpu && after.cpu) accounted.usage.cpu = *after.cpu - *before.cpu;
  accounted.usage.peak_memory_bytes = after.peak_memory_bytes;
  auto& ending = accounted.supervised.ending;
  if (after.oom_kills > 0 &&
      (std::holds_alternative<SandboxTerminated>(ending) || std::holds_alternative<Signaled>(ending))) {
    ending = OutOfMemory{};
  }
  return accounted;
}

}  // namespace fumehood::sandbox
