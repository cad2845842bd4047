#include "lib/sandbox/init/launch.h"

#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/unique_fd.h"

namespace fumehood::sandbox::init {

namespace {

constexpr std::string_view kDefaultPath = "/usr/local/bin:/usr/bin:/bin";

bool WriteAll(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    bytes.remove_prefix(static_cast<size_t>(written));
  }
  return true;
}

// The standard input, ready to be read from its start; invalid, with errno set, where it could not be made.
UniqueFd MakeStdin(std::string_view data) {
  if (data.empty()) return UniqueFd(open("/dev/null", O_RDONLY | O_CLOEXEC));
  UniqueFd file(memfd_create("stdin", MFD_CLOEXEC));
  if (!file.valid() || !WriteAll(file.get(), data) || lseek(file.get(), 0, SEEK_SET) != 0) return UniqueFd();
  return file;
}

std::vector<char*> Pointers(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (std::string& text : texts) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

std::string_view PathOf(const std::vector<std::string>& env) {
  for (std::string_view entry : env) {
    if (entry.starts_with("PATH=")) return entry.substr(5);
  }
  return kDefaultPath;
}

// Another one is then EAGAIN, which every shell knows. gVisor counts a process for the user as whom it was made: the
// command's first is root's, and so not among them.
bool LimitProcesses(uint32_t count) {
  if (count == 0) return true;
  const rlimit limit{.rlim_cur = count - 1, .rlim_max = count - 1};
  return setrlimit(RLIMIT_NPROC, &limit) == 0;
}

bool BecomeUser(uid_t uid, gid_t gid) {
  // So that the command can open them by name: /dev/stdout, /dev/stderr.
  if (fchown(STDOUT_FILENO, uid, gid) != 0 || fchown(STDERR_FILENO, uid, gid) != 0) return false;
  if (setgroups(0, nullptr) != 0 || setresgid(gid, gid, gid) != 0 || setresuid(uid, uid, uid) != 0) {
    return false;
  }
  // The bounding set is empty from the start. The inheritable set survives the change of the user.
  __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {};
  return prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) == 0 && syscall(SYS_capset, &header, none) == 0 &&
         prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0;
}

// The reason why executing `program` failed. gVisor has one errno for a path and for an argument that is too
// long.
int ReasonOfExec(const char* program) {
  const int error_number = errno;
  if (error_number == ENAMETOOLONG && (access(program, F_OK) == 0 || errno != ENAMETOOLONG)) return E2BIG;
  return error_number;
}

// Executes the program with the lookup of execvp(3), except that a file of an unknown format is not given to
// a shell. Returns only on failure.
NotStarted Execute(HandOver& hand_over) {
  const std::vector<char*> argv = Pointers(hand_over.argv);
  const std::vector<char*> env = Pointers(hand_over.env);
  const std::string& program = hand_over.argv.front();
  if (program.empty() || program.contains('/')) {
    execve(program.c_str(), argv.data(), env.data());
    return {.stage = Stage::kExec, .error_number = ReasonOfExec(program.c_str()), .path = program};
  }
  int error_number = ENOENT;
  std::string refused = program;
  std::string_view rest = PathOf(hand_over.env);
  while (true) {
    const size_t colon = rest.find(':');
    std::string candidate(rest.substr(0, colon));
    if (!candidate.empty()) candidate += '/';
    candidate += program;
    execve(candidate.c_str(), argv.data(), env.data());
    const int reason = ReasonOfExec(candidate.c_str());
    if (reason == EACCES) {
      error_number = EACCES;
      refused = candidate;
    } else if (reason != ENOENT && reason != ENOTDIR && reason != ENAMETOOLONG) {
      return {.stage = Stage::kExec, .error_number = reason, .path = candidate};
    }
    if (colon == std::string_view::npos) break;
    rest.remove_prefix(colon + 1);
  }
  return {.stage = Stage::kExec, .error_number = error_number, .path = refused};
}

// In the child: everything up to the program's first instruction. Returns only on failure.
NotStarted BecomeCommand(HandOver& hand_over, int stdin_fd) {
  sigset_t no_signals;
  sigemptyset(&no_signals);
  sigprocmask(SIG_SETMASK, &no_signals, nullptr);
  umask(022);
  setsid();
  if (dup2(stdin_fd, STDIN_FILENO) < 0 || close_range(3, ~0U, CLOSE_RANGE_CLOEXEC) != 0) {
    return {.stage = Stage::kStdin, .error_number = errno, .path = ""};
  }
  if (!LimitProcesses(hand_over.max_processes)) {
    return {.stage = Stage::kLimits, .error_number = errno, .path = ""};
  }
  if (!BecomeUser(hand_over.uid, hand_over.gid)) {
    return {.stage = Stage::kIdentity, .error_number = errno, .path = ""};
  }
  if (chdir(hand_over.working_dir.c_str()) != 0) {
    return {.stage = Stage::kWorkingDir, .error_number = errno, .path = hand_over.working_dir};
  }
  return Execute(hand_over);
}

// What the child gets to know.
struct Task {
  HandOver hand_over;  // the child's own
  int stdin_fd;
  int failure_out;
};

// The child, until it executes the program or gives up.
int RunTask(void* argument) {
  Task& task = *static_cast<Task*>(argument);
  NotStarted failure = BecomeCommand(task.hand_over, task.stdin_fd);
  // What the user typed may be longer than a report can be.
  constexpr size_t kPathLimit = 1024;
  if (failure.path.size() > kPathLimit) failure.path.resize(kPathLimit);
  WriteAll(task.failure_out, Encode(Report(failure)));
  _exit(127);
}

// A fork whose child has our memory instead of a copy of it, which costs gVisor milliseconds; we wait until it executes
// the program or ends. It has a stack of its own. -1, with errno set, where it can't be made.
pid_t StartTask(Task& task) {
  constexpr size_t kStackSize = 256 * 1024;
  void* stack = mmap(nullptr, kStackSize, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
  if (stack == MAP_FAILED) return -1;
  const pid_t pid = clone(RunTask, static_cast<char*>(stack) + kStackSize, CLONE_VM | CLONE_VFORK | SIGCHLD, &task);
  const int error_number = errno;
  munmap(stack, kStackSize);
  errno = error_number;
  return pid;
}

std::string ReadToEnd(int fd) {
  std::string bytes;
  char buffer[4096];
  while (true) {
    const ssize_t got = read(fd, buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return bytes;
    bytes.append(buffer, static_cast<size_t>(got));
  }
}

}  // namespace

std::variant<pid_t, NotStarted> Launch(const HandOver& hand_over) {
  const UniqueFd stdin_file = MakeStdin(hand_over.stdin_data);
  if (!stdin_file.valid()) return NotStarted{.stage = Stage::kStdin, .error_number = errno, .path = ""};

  // Closed by a successful execve, so that its end without a word tells that the program runs.
  int failure_pipe[2];
  if (pipe2(failure_pipe, O_CLOEXEC) != 0) {
    return NotStarted{.stage = Stage::kFork, .error_number = errno, .path = ""};
  }
  const UniqueFd failure_in(failure_pipe[0]);
  UniqueFd failure_out(failure_pipe[1]);

  Task task{.hand_over = hand_over, .stdin_fd = stdin_file.get(), .failure_out = failure_out.get()};
  const pid_t pid = StartTask(task);
  if (pid < 0) return NotStarted{.stage = Stage::kFork, .error_number = errno, .path = ""};
  failure_out.Reset();

  const std::string failure_bytes = ReadToEnd(failure_in.get());
  if (failure_bytes.empty()) return pid;
  waitpid(pid, nullptr, 0);
  FrameBuffer frames(kMaxReportBody);
  frames.Append(failure_bytes);
  if (auto frame = frames.Next(); frame && *frame) {
    if (auto report = DecodeReport(**frame)) {
      if (const auto* not_started = std::get_if<NotStarted>(&*report)) return *not_started;
    }
  }
  return NotStarted{.stage = Stage::kFork, .error_number = EPROTO, .path = ""};
}

}  // namespace fumehood::sandbox::init
