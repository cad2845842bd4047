#include "lib/sandbox/owner_mapping.h"

#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <limits>
#include <string>

#include "lib/sandbox/child_process.h"
#include "lib/sandbox/hand_over.h"

namespace fumehood::sandbox {

namespace {

// Of all ids the last is none.
constexpr uint32_t kIds = std::numeric_limits<uint32_t>::max();

// The lines of a uid_map in which two ids have changed places.
std::string Exchanged(uint32_t one, uint32_t other) {
  const auto [low, high] = std::minmax(one, other);
  std::string lines;
  const auto add = [&lines](uint32_t inside, uint32_t outside, uint32_t count) {
    if (count > 0) lines += fmt::format("{} {} {}\n", inside, outside, count);
  };
  if (low == high) {
    add(0, 0, kIds);
    return lines;
  }
  add(0, 0, low);
  add(low, high, 1);
  add(low + 1, low + 1, high - low - 1);
  add(high, low, 1);
  add(high + 1, high + 1, kIds - high - 1);
  return lines;
}

Status WriteMap(pid_t pid, const char* file, const std::string& lines) {
  const std::string path = fmt::format("/proc/{}/{}", pid, file);
  const UniqueFd fd(open(path.c_str(), O_WRONLY | O_CLOEXEC));
  // The kernel takes a map in one write.
  if (!fd.valid() || write(fd.get(), lines.data(), lines.size()) != static_cast<ssize_t>(lines.size())) {
    return FailErrno(errno, fmt::format("write the {} of a user namespace", file));
  }
  return {};
}

// A child in a user namespace of its own, which does nothing.
class NamespaceHolder {
 public:
  static Result<NamespaceHolder> Start() {
    auto pipe = MakePipe();
    if (!pipe) return Forward(std::move(pipe));
    clone_args arguments{};
    arguments.flags = CLONE_NEWUSER;
    arguments.exit_signal = SIGCHLD;
    const auto pid = static_cast<pid_t>(syscall(SYS_clone3, &arguments, sizeof arguments));
    if (pid < 0) return FailErrno(errno, "make a user namespace");
    if (pid == 0) {
      close(pipe->write_end.get());
      char byte;
      while (read(pipe->read_end.get(), &byte, 1) < 0 && errno == EINTR) {
      }
      _exit(0);
    }
    return NamespaceHolder(pid, std::move(pipe->write_end));
  }
  NamespaceHolder(NamespaceHolder&& other) noexcept
      : pid_(std::exchange(other.pid_, 0)), alive_(std::move(other.alive_)) {}
  NamespaceHolder& operator=(NamespaceHolder&&) = delete;
  ~NamespaceHolder() {
    if (pid_ == 0) return;
    kill(pid_, SIGKILL);
    while (waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
    }
  }

  pid_t pid() const { return pid_; }

 private:
  NamespaceHolder(pid_t pid, UniqueFd alive) : pid_(pid), alive_(std::move(alive)) {}

  pid_t pid_;
  UniqueFd alive_;  // where we are gone, the child ends by itself
};

Result<UniqueFd> MakeNamespace(uid_t owner, gid_t group) {
  const auto holder = NamespaceHolder::Start();
  if (!holder) return std::unexpected(holder.error());
  if (Status mapped = WriteMap(holder->pid(), "uid_map", Exchanged(owner, kCommandUser)); !mapped) {
    return Forward(std::move(mapped));
  }
  if (Status mapped = WriteMap(holder->pid(), "gid_map", Exchanged(group, kCommandUser)); !mapped) {
    return Forward(std::move(mapped));
  }
  UniqueFd space(open(fmt::format("/proc/{}/ns/user", holder->pid()).c_str(), O_RDONLY | O_CLOEXEC));
  if (!space.valid()) return FailErrno(errno, "open a user namespace");
  return space;
}

}  // namespace

Result<int> OwnerMappings::ToCommandUser(uid_t owner, gid_t group) {
  std::lock_guard lock(mutex_);
  const auto known = namespaces_.find({owner, group});
  if (known != namespaces_.end()) return known->second.get();
  auto made = MakeNamespace(owner, group);
  if (!made) return Forward(std::move(made));
  return namespaces_.emplace(std::pair(owner, group), *std::move(made)).first->second.get();
}

}  // namespace fumehood::sandbox
