#include "lib/sandbox/runsc.h"

#include <fcntl.h>

#include <cerrno>
#include <chrono>
#include <string_view>

namespace fumehood::sandbox {

namespace {

using namespace std::chrono_literals;

// A start takes 0.1 s on a quiet machine; what takes this long will not succeed.
constexpr auto kStartLimit = 30s;
constexpr auto kQueryLimit = 10s;
// gVisor moves its streams to the three descriptors after this one. To grow a table that threads share takes the kernel
// an RCU grace period, which is a tenth of the whole start; so it is large enough already when there is one thread.
constexpr int kHighestDescriptor = 252;

SteadyTime In(std::chrono::seconds limit) { return std::chrono::steady_clock::now() + limit; }

Result<UniqueFd> OpenNull() {
  UniqueFd null(open("/dev/null", O_RDWR | O_CLOEXEC));
  if (!null.valid()) return FailErrno(errno, "open /dev/null");
  return null;
}

}  // namespace

Result<std::string> Runsc::AskVersion(const std::filesystem::path& program) {
  Result<UniqueFd> null = OpenNull();
  if (!null) return Forward(std::move(null));
  Result<Pipe> output = MakePipe();
  if (!output) return Forward(std::move(output));
  const int out = output->write_end.get();
  const Result<int> status =
      RunProgram({program.string(), "--version"}, {.in = null->get(), .out = out, .err = out}, In(kQueryLimit));
  if (!status) return Wrap(status.error(), "ask runsc for its version");
  const std::string answer = ReadAvailable(output->read_end.get(), 4096);
  const std::string_view first_line = std::string_view(answer).substr(0, answer.find('\n'));
  constexpr std::string_view kGreeting = "runsc version ";
  if (*status != 0 || !first_line.starts_with(kGreeting)) {
    return Fail(ErrorCode::kInvalid, "ask \"{}\" for its version: it {} and said \"{}\"; is this gVisor's runsc?",
                program.string(), DescribeWaitStatus(*status), first_line);
  }
  return std::string(first_line.substr(kGreeting.size()));
}

// Written out where they are runsc's defaults too: each of them is a wall.
std::vector<std::string> Runsc::CommandLine(const SandboxDirectory& directory) const {
  return {
      program_.string(),
      "--root=" + directory.runtime_root().string(),
      "--shared-root=" + shared_root_.string(),
      fmt::format("--platform={}", platform_),
      fmt::format("--network={}", kNetwork),
      "--host-uds=none",
      "--host-fifo=none",
      // With "exclusive", a path that was looked at early never shows what is mounted there later.
      "--file-access-mounts=shared",
      // The root is read-only; runsc's own overlay would put a file into the image.
      "--overlay2=none",
      "--ignore-cgroups",
      // Otherwise its advice about the host ends up in the command's standard error.
      "--host-settings=ignore",
  };
}

Status Runsc::Start(const SandboxDirectory& directory, StandardStreams streams, const Confinement& confinement) const {
  std::vector<std::string> command = CommandLine(directory);
  command.insert(command.end(), {"run", "--detach", "--bundle=" + directory.bundle().string(),
                                 "--pid-file=" + directory.pid_file().string(), directory.id()});
  const SteadyTime deadline = In(kStartLimit);
  Confinement with_room = confinement;
  with_room.highest_descriptor = kHighestDescriptor;
  const Result<pid_t> pid = SpawnConfined({.argv = command, .streams = streams}, with_room);
  if (!pid) return std::unexpected(pid.error());
  const Result<int> status = WaitForProgram(*pid, program_.string(), deadline);
  if (!status) return std::unexpected(status.error());
  if (*status != 0) return Fail(ErrorCode::kUnavailable, "runsc {}", DescribeWaitStatus(*status));
  return {};
}

void Runsc::Delete(const SandboxDirectory& directory) const {
  const Result<UniqueFd> null = OpenNull();
  if (!null) return;
  std::vector<std::string> command = CommandLine(directory);
  command.insert(command.end(), {"delete", "--force", directory.id()});
  // When there is nothing to delete this fails, and that is as well.
  (void)RunProgram(command, {.in = null->get(), .out = null->get(), .err = null->get()}, In(kQueryLimit));
}

}  // namespace fumehood::sandbox
