#include "cli/doctor/machine.h"

#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/timex.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <ctime>
#include <fstream>
#include <sstream>
#include <string_view>
#include <system_error>

#include "cli/local_options.h"
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

// Really makes one, in a child: it could not be left again.
std::string TryUserNamespace() {
  auto pipe = sandbox::MakePipe();
  if (!pipe) return pipe.error().message;
  const pid_t child = fork();
  if (child < 0) return FailErrno(errno, "fork").error().message;
  if (child == 0) {
    if (const Status entered = sandbox::EnterUserNamespace(); !entered) {
      const std::string& message = entered.error().message;
      (void)!write(pipe->write_end.get(), message.data(), message.size());
    }
    _exit(0);
  }
  while (waitpid(child, nullptr, 0) < 0 && errno == EINTR) {
  }
  return sandbox::ReadAvailable(pipe->read_end.get(), 4'096);
}

bool HasWord(std::string_view list, std::string_view word) {
  for (size_t at = 0; at <= list.size();) {
    const size_t end = std::min(list.find(',', at), list.size());
    if (list.substr(at, end - at) == word) return true;
    at = end + 1;
  }
  return false;
}

// Where the hierarchy is mounted that has this process' memory: proc(5), /proc/pid/mountinfo.
fs::path MountOf(std::string_view type, std::string_view option) {
  std::ifstream mounts("/proc/self/mountinfo");
  for (std::string line; std::getline(mounts, line);) {
    const size_t separator = line.find(" - ");
    if (separator == std::string::npos) continue;
    std::istringstream before(line.substr(0, separator));
    std::istringstream after(line.substr(separator + 3));
    std::string word, root, target, found_type, source, options;
    before >> word >> word >> word >> root >> target;
    after >> found_type >> source >> options;
    if (found_type == type && (option.empty() || HasWord(options, option))) return target;
  }
  return {};
}

fs::path MemoryCgroup() {
  std::ifstream own("/proc/self/cgroup");
  for (std::string line; std::getline(own, line);) {  // "4:memory:/path", and for version 2 "0::/path"
    const size_t first = line.find(':');
    const size_t second = line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    const bool is_version_2 = controllers.empty();
    if (!is_version_2 && !HasWord(controllers, "memory")) continue;
    const fs::path mount = is_version_2 ? MountOf("cgroup2", "") : MountOf("cgroup", "memory");
    if (mount.empty()) continue;
    const fs::path folder = mount / fs::path(line.substr(second + 1)).relative_path();
    // In a container the path can be that of the host, which is not there.
    std::error_code ignored;
    const fs::path& shown = fs::is_directory(folder, ignored) ? folder : mount;
    if (is_version_2 && !FirstLine(shown / "cgroup.controllers").value_or("").contains("memory")) continue;
    return shown;
  }
  return {};
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
  machine.user_namespace_refusal = TryUserNamespace();
  machine.seccomp_mode = std::atoi(FieldOf("/proc/self/status", "Seccomp:").c_str());
  if (FirstLine("/sys/module/apparmor/parameters/enabled") == "Y")
    machine.apparmor_profile = FirstLine("/proc/self/attr/current");
  machine.ptrace_scope = FirstLine("/proc/sys/kernel/yama/ptrace_scope");
  machine.memory_cgroup = MemoryCgroup();
  machine.may_write_cgroup = !machine.memory_cgroup.empty() && access(machine.memory_cgroup.c_str(), W_OK) == 0;
  for (const fs::path& folder : folders) machine.rooms.push_back(LookAtRoom(folder));
  machine.time = std::time(nullptr);
  struct stat program{};
  if (stat(ThisProgram().c_str(), &program) == 0) machine.program_time = program.st_mtim.tv_sec;
  timex clock{};
  machine.clock_is_synchronised = adjtimex(&clock) != TIME_ERROR;
  return machine;
}

}  // namespace fumehood::cli::doctor
