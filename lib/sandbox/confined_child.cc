#include "lib/sandbox/confined_child.h"

#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace fumehood::sandbox {

namespace {

enum class Step : uint8_t { kCgroup, kMountNamespace, kMemoryInfo, kStreams, kWorkingDir, kExec };

constexpr std::array<std::string_view, 6> kSteps = {
    "join its cgroup",  "make a mount namespace for it", "mount its /proc/meminfo",
    "pass its streams", "enter its working directory",   "execute it"};

// What the child says before it gives up.
struct Failure {
  Step step;
  int error_number;
};

std::vector<char*> Pointers(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (std::string& text : texts) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

// All that the child needs, ready-made: after a fork in a process with threads it may hardly do anything.
struct Prepared {
  std::vector<char*> argv;
  std::vector<char*> env;
  const char* working_dir;
  const char* memory_info;
  StandardStreams streams;
  int highest_descriptor;
  const std::vector<int>& tasks;
  int failure_pipe;
};

// Where this can't be, the program runs all the same.
void OpenHighestDescriptor(const Prepared& prepared) {
  if (prepared.highest_descriptor < 0 || prepared.highest_descriptor == prepared.failure_pipe) return;
  const int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
  if (null >= 0) dup2(null, prepared.highest_descriptor);
}

// In the child, by system calls only. Returns only on failure.
Failure Become(const Prepared& prepared) {
  for (const int tasks : prepared.tasks) {
    if (write(tasks, "0", 1) != 1) return {Step::kCgroup, errno};
  }
  if (prepared.memory_info != nullptr) {
    // Its mounts stay in our peer groups: what is mounted later in a shared directory arrives there, too.
    // But what is mounted in /proc here stays here.
    if (unshare(CLONE_NEWNS) != 0 || mount(nullptr, "/proc", nullptr, MS_PRIVATE, nullptr) != 0) {
      return {Step::kMountNamespace, errno};
    }
    if (mount(prepared.memory_info, "/proc/meminfo", nullptr, MS_BIND, nullptr) != 0) return {Step::kMemoryInfo, errno};
  }
  if (dup2(prepared.streams.in, STDIN_FILENO) < 0 || dup2(prepared.streams.out, STDOUT_FILENO) < 0 ||
      dup2(prepared.streams.err, STDERR_FILENO) < 0 || close_range(STDERR_FILENO + 1, ~0U, CLOSE_RANGE_CLOEXEC) != 0) {
    return {Step::kStreams, errno};
  }
  OpenHighestDescriptor(prepared);
  if (*prepared.working_dir != '\0' && chdir(prepared.working_dir) != 0) return {Step::kWorkingDir, errno};
  setsid();
  struct sigaction by_default{};
  by_default.sa_handler = SIG_DFL;
  for (int signal = 1; signal < NSIG; ++signal) sigaction(signal, &by_default, nullptr);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  execve(prepared.argv.front(), prepared.argv.data(), prepared.env.data());
  return {Step::kExec, errno};
}

// No handler of ours may run in the child.
class AllSignalsBlocked {
 public:
  AllSignalsBlocked() {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  AllSignalsBlocked(const AllSignalsBlocked&) = delete;
  AllSignalsBlocked& operator=(const AllSignalsBlocked&) = delete;
  ~AllSignalsBlocked() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

 private:
  sigset_t before_;
};

// A fork straight into a cgroup.
Result<pid_t> Clone(int cgroup_directory) {
  clone_args arguments{};
  arguments.exit_signal = SIGCHLD;
  if (cgroup_directory >= 0) {
    arguments.flags = CLONE_INTO_CGROUP;
    arguments.cgroup = static_cast<uint64_t>(cgroup_directory);
  }
  const auto pid = static_cast<pid_t>(syscall(SYS_clone3, &arguments, sizeof arguments));
  if (pid < 0) return FailErrno(errno, cgroup_directory < 0 ? "fork" : "fork into a cgroup");
  return pid;
}

}  // namespace

Result<pid_t> SpawnConfined(const Program& program, const Confinement& confinement) {
  auto failure_pipe = MakePipe();
  if (!failure_pipe) return Forward(std::move(failure_pipe));
  // Out of the way of the three that the child puts in place.
  UniqueFd failure_out(fcntl(failure_pipe->write_end.get(), F_DUPFD_CLOEXEC, STDERR_FILENO + 1));
  if (!failure_out.valid()) return FailErrno(errno, "prepare a program's start");
  failure_pipe->write_end.Reset();

  std::vector<std::string> argv = program.argv;
  std::vector<std::string> env = program.env;
  const Prepared prepared{
      .argv = Pointers(argv),
      .env = Pointers(env),
      .working_dir = program.working_dir.c_str(),
      .memory_info = confinement.memory_info.empty() ? nullptr : confinement.memory_info.c_str(),
      .streams = program.streams,
      .highest_descriptor = confinement.highest_descriptor,
      .tasks = confinement.cgroup.tasks,
      .failure_pipe = failure_out.get(),
  };
  Result<pid_t> pid = -1;
  {
    const AllSignalsBlocked blocked;
    pid = Clone(confinement.cgroup.directory);
    if (pid && *pid == 0) {
      const Failure failure = Become(prepared);
      (void)!write(prepared.failure_pipe, &failure, sizeof failure);
      _exit(127);
    }
  }
  if (!pid) return Wrap(pid.error(), fmt::format("start \"{}\"", program.argv.front()));
  failure_out.Reset();

  // Closed by a successful execve.
  Failure failure{};
  ssize_t got = 0;
  while ((got = read(failure_pipe->read_end.get(), &failure, sizeof failure)) < 0 && errno == EINTR) {
  }
  if (got != sizeof failure) return pid;
  while (waitpid(*pid, nullptr, 0) < 0 && errno == EINTR) {
  }
  return FailErrno(failure.error_number,
                   fmt::format("start \"{}\": {}", program.argv.front(), kSteps[static_cast<size_t>(failure.step)]));
}

}  // namespace fumehood::sandbox
