#include "lib/sandbox/child_process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <limits>

#include "lib/sandbox/pidfd.h"

namespace fumehood::sandbox {

namespace {

// The C library has these two only as calls with an "init" and a "destroy".
struct SpawnActions {
  SpawnActions() { posix_spawn_file_actions_init(&value); }
  ~SpawnActions() { posix_spawn_file_actions_destroy(&value); }
  SpawnActions(const SpawnActions&) = delete;
  SpawnActions& operator=(const SpawnActions&) = delete;
  posix_spawn_file_actions_t value;
};
struct SpawnAttributes {
  SpawnAttributes() { posix_spawnattr_init(&value); }
  ~SpawnAttributes() { posix_spawnattr_destroy(&value); }
  SpawnAttributes(const SpawnAttributes&) = delete;
  SpawnAttributes& operator=(const SpawnAttributes&) = delete;
  posix_spawnattr_t value;
};

std::vector<char*> Pointers(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (std::string& text : texts) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

// Waits for a child to end and reaps it.
Result<int> Reap(pid_t pid) {
  int wait_status = 0;
  while (waitpid(pid, &wait_status, 0) < 0) {
    if (errno != EINTR) return FailErrno(errno, "wait for a program");
  }
  return wait_status;
}

}  // namespace

// posix_spawn, because between fork and exec in a process with threads hardly anything is allowed.
std::expected<pid_t, int> Spawn(const Program& program) {
  SpawnActions actions;
  posix_spawn_file_actions_adddup2(&actions.value, program.streams.in, STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions.value, program.streams.out, STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions.value, program.streams.err, STDERR_FILENO);
  posix_spawn_file_actions_addclosefrom_np(&actions.value, STDERR_FILENO + 1);
  if (!program.working_dir.empty()) {
    posix_spawn_file_actions_addchdir_np(&actions.value, program.working_dir.c_str());
  }

  // A session of its own keeps a terminal's ^C away from it: when it ends is ours to say.
  SpawnAttributes attributes;
  sigset_t none, all;
  sigemptyset(&none);
  sigfillset(&all);
  posix_spawnattr_setsigmask(&attributes.value, &none);
  posix_spawnattr_setsigdefault(&attributes.value, &all);
  posix_spawnattr_setflags(&attributes.value, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSID);

  std::vector<std::string> argv = program.argv;
  std::vector<std::string> env = program.env;
  pid_t pid = 0;
  const int error_number = posix_spawn(&pid, argv.front().c_str(), &actions.value, &attributes.value,
                                       Pointers(argv).data(), Pointers(env).data());
  if (error_number != 0) return std::unexpected(error_number);
  return pid;
}

Result<int> RunProgram(const std::vector<std::string>& argv, StandardStreams streams, SteadyTime deadline) {
  const auto pid = Spawn({.argv = argv, .streams = streams});
  if (!pid) return FailErrno(pid.error(), fmt::format("start \"{}\"", argv[0]));
  return WaitForProgram(*pid, argv[0], deadline);
}

Result<int> WaitForProgram(pid_t pid, const std::string& name, SteadyTime deadline) {
  const UniqueFd process(pidfd_open(pid, 0));
  if (!process.valid()) {
    const int error_number = errno;
    kill(pid, SIGKILL);
    (void)Reap(pid);
    return FailErrno(error_number, fmt::format("watch \"{}\"", name));
  }
  while (true) {
    pollfd event{.fd = process.get(), .events = POLLIN, .revents = 0};
    const int ready = poll(&event, 1, PollTimeout(deadline));
    if (ready > 0) return Reap(pid);
    if (ready < 0 && errno == EINTR) continue;
    if (ready < 0 || std::chrono::steady_clock::now() >= deadline) break;
  }
  // Still our child, so the number is still its own.
  kill(pid, SIGKILL);
  (void)Reap(pid);
  return Fail(ErrorCode::kUnavailable, "\"{}\" did not finish in time and was killed", name);
}

std::string DescribeWaitStatus(int wait_status) {
  if (WIFEXITED(wait_status)) return fmt::format("exited with {}", WEXITSTATUS(wait_status));
  return fmt::format("was killed by signal {}", WTERMSIG(wait_status));
}

Result<Pipe> MakePipe() {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return FailErrno(errno, "make a pipe");
  return Pipe{.read_end = UniqueFd(ends[0]), .write_end = UniqueFd(ends[1])};
}

std::string ReadAvailable(int fd, size_t max_bytes) {
  std::string bytes;
  char buffer[4096];
  while (bytes.size() < max_bytes) {
    pollfd event{.fd = fd, .events = POLLIN, .revents = 0};
    if (poll(&event, 1, 0) <= 0 || (event.revents & POLLIN) == 0) break;
    const ssize_t got = read(fd, buffer, std::min(sizeof buffer, max_bytes - bytes.size()));
    if (got <= 0) break;
    bytes.append(buffer, static_cast<size_t>(got));
  }
  return bytes;
}

int PollTimeout(SteadyTime deadline) {
  using std::chrono::milliseconds;
  const auto left = std::chrono::ceil<milliseconds>(deadline - std::chrono::steady_clock::now()).count();
  return static_cast<int>(std::clamp<int64_t>(left, 0, std::numeric_limits<int>::max()));
}

}  // namespace fumehood::sandbox
