#include "lib/sandbox/container_owner.h"

#include <fmt/format.h>
#include <signal.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <system_error>
#include <utility>

namespace fumehood::sandbox {

namespace {

// Of this boot and of our own PID namespace.
std::string Here() {
  std::string boot;
  std::getline(std::ifstream("/proc/sys/kernel/random/boot_id"), boot);
  std::error_code ignored;
  return fmt::format("{}/{}", boot, std::filesystem::read_symlink("/proc/self/ns/pid", ignored).string());
}

struct ProcessFacts {
  std::string state;  // "Z": it has ended, and nobody has asked how
  std::string start;
};

// Empty ones where they can't be read.
ProcessFacts FactsOf(pid_t pid) {
  std::string stat;
  std::getline(std::ifstream(fmt::format("/proc/{}/stat", pid)), stat);
  // They are the first and the 20th field after the name, which is in parentheses and may hold anything.
  std::istringstream fields(stat.substr(std::min(stat.rfind(')') + 1, stat.size())));
  ProcessFacts facts;
  fields >> facts.state;
  std::string field;
  for (int i = 1; i < 20 && fields >> field; ++i) {
  }
  if (fields) facts.start = std::move(field);
  return facts;
}

}  // namespace

std::string OwnerOf(pid_t pid) { return fmt::format("{}/{}/{}", Here(), pid, FactsOf(pid).start); }

bool IsGone(std::string_view owner) {
  const std::string here = Here() + "/";
  if (!owner.starts_with(here)) return false;
  owner.remove_prefix(here.size());
  pid_t pid = 0;
  const auto [end, error] = std::from_chars(owner.data(), owner.data() + owner.size(), pid);
  if (error != std::errc() || pid <= 0 || end == owner.data() + owner.size() || *end != '/') return false;
  const std::string_view start(end + 1, owner.data() + owner.size());
  // A process of somebody else is there although /proc may hide it.
  if (kill(pid, 0) != 0 && errno == ESRCH) return true;
  const ProcessFacts now = FactsOf(pid);
  return now.state == "Z" || (!now.start.empty() && now.start != start);
}

}  // namespace fumehood::sandbox
