#include "cli/doctor/machine.h"

#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/timex.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <ctime>
#include <fstream>
#include <functional>
#include <string_view>
#include <system_error>

#include "cli/local_options.h"
#include "lib/sandbox/cgroup_parent.h"
#include "lib/sandbox/child_process.h"
#include "lib/sandbox/user_namespace.h"

namespace fumehood::cli::doctor {
namespace {

namespace fs = std::filesystem;

std::optional<std::string> FirstLine(const fs::path& path) {
  std::ifstream file(path);
  std::string line;
  if (!std::getline(file, line)) return std::nullopt;
  line.resize(std::min(line.size(), line.find('\0')));
  return line;
}

// What follows `key` in a file of lines "key value".
std::string FieldOf(const fs::path& path, std::string_view key) {
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with(key)) return line.substr(std::min(line.size(), line.find_first_not_of(" \t", key.size())));
  }
  return "";
}

// Tries something in a child process, as it could not be undone in this one: why it failed, or nothing.
std::string TryInChild(const std::function<std::string()>& attempt) {
  auto pipe = sandbox::MakePipe();
  if (!pipe) return pipe.error().message;
  const pid_t child = fork();
  if (child < 0) return FailErrno(errno, "fork").error().message;
  if (child == 0) {
    const std::string why = attempt();
    (void)!write(pipe->write_end.get(), why.data(), why.size());
    _exit(0);
  }
  while (waitpid(child, nullptr, 0) < 0 && errno == EINTR) {
  }
  return sandbox::ReadAvailable(pipe->read_end.get(), 4'096);
}

std::string TryUserNamespace() {
  const Status entered = sandbox::EnterUserNamespace();
  return entered ? "" : entered.error().message;
}

std::string TryCgroup() {
  const auto parent = sandbox::CgroupParent::Open("");
  if (!parent) return parent.error().message;
  for (const std::string_view controller : {"memory", "cpu"}) {
    if (!(*parent)->Has(controller)) return fmt::format("there is no cgroup controller \"{}\" for us", controller);
  }
  const auto made = (*parent)->Make("doctor");
  return made ? "" : made.error().message;
}

Room LookAtRoom(fs::path path) {
  std::error_code ignored;
  while (!fs::exists(path, ignored) && path.has_relative_path()) path = path.parent_path();
  struct statvfs room{};
  if (statvfs(path.c_str(), &room) != 0) return {.path = path};
  // A file system that doesn't count files has none of them.
  const bool counts_files = room.f_files != 0;
  return {.path = path,
          .free_bytes = room.f_bavail * room.f_frsize,
          .free_files = counts_files ? room.f_favail : UINT64_MAX};
}

}  // namespace

Machine LookAtMachine(const std::vector<fs::path>& folders) {
  Machine machine;
  utsname names{};
  if (uname(&names) == 0) {
    machine.architecture = names.machine;
    machine.kernel = names.release;
  }
  machine.uid = geteuid();
  machine.may_mount = sandbox::MayMount();
  machine.user_namespace_refusal = TryInChild(TryUserNamespace);
  machine.seccomp_mode = std::atoi(FieldOf("/proc/self/status", "Seccomp:").c_str());
  if (FirstLine("/sys/module/apparmor/parameters/enabled") == "Y")
    machine.apparmor_profile = FirstLine("/proc/self/attr/current");
  machine.ptrace_scope = FirstLine("/proc/sys/kernel/yama/ptrace_scope");
  machine.cgroup_refusal = TryInChild(TryCgroup);
  for (const fs::path& folder : folders) machine.rooms.push_back(LookAtRoom(folder));
  machine.time = std::time(nullptr);
  struct stat program{};
  if (stat(ThisProgram().c_str(), &program) == 0) machine.program_time = program.st_mtim.tv_sec;
  timex clock{};
  machine.clock_is_synchronised = adjtimex(&clock) != TIME_ERROR;
  return machine;
}

}  // namespace fumehood::cli::doctor
