// One command to run in a sandbox, and what became of it: plain values.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace fumehood::sandbox {

// What a command can be given to read: as many characters as the API takes, of four bytes each.
inline constexpr size_t kMaxStdinBytes = 256 * 1024;

// What a command may use. One that is given is enforced, or the command is not run.
struct Limits {
  // In thousandths of a CPU; at least kMinCpuMillicores.
  std::optional<uint32_t> cpu_millicores = {};
  // Of the whole sandbox: its kernel takes 15 MiB and more of it, and what is written to scratch space counts. At
  // least kMinMemoryBytes.
  std::optional<uint64_t> memory_bytes = {};
  // Processes and threads at the same time.
  std::optional<uint32_t> pids = {};
  // What fits into /tmp, which is $HOME, into /dev/shm, and into an Ephemeral repository, each. Not given: as the
  // runner is set up.
  std::optional<uint64_t> scratch_bytes = {};

  bool operator==(const Limits&) const = default;
};
inline constexpr uint64_t kDefaultScratchBytes = uint64_t{256} * 1024 * 1024;
inline constexpr uint32_t kMinCpuMillicores = 10;
inline constexpr uint64_t kMinMemoryBytes = uint64_t{64} * 1024 * 1024;

enum class RepositoryAccess {
  kReadOnly,   // every write fails with EROFS
  kEphemeral,  // writes succeed, are kept in the sandbox's memory and gone with it; the repository never changes
};
// "ReadOnly", "Ephemeral".
std::string_view ToString(RepositoryAccess access);

struct RunRequest {
  // The program and its arguments. A program without a '/' is looked up in the PATH of `env`, or else in
  // /usr/local/bin:/usr/bin:/bin. A shell command is {"/bin/sh", "-c", text}.
  std::vector<std::string> argv;
  // "NAME=value". Nothing is inherited; PATH, HOME and LANG get defaults where they are missing.
  std::vector<std::string> env;
  // What the command reads on its standard input, up to kMaxStdinBytes; afterwards end of file.
  std::string stdin_data;
  // The name of the root file system, as the runner knows it.
  std::string image;
  // Below the runner's repository root: clean, relative, without "." and "..".
  std::string repository_path;
  // The directory below the root that whoever asks may read; the repository is it, or below it. Empty: the root.
  std::string readable_path = {};
  RepositoryAccess access = RepositoryAccess::kReadOnly;
  // Directories of the host that the command finds at the same path, read-only. Absolute, without symbolic links on the
  // way; none contains a directory that the sandbox has of its own, such as "/" or "/usr" would.
  std::vector<std::filesystem::path> also_visible;
  // Where the command starts, relative to the repository; empty is the repository itself.
  std::string working_dir;
  Limits limits = {};
  // From the start of the command to its kill. (Its start must not take longer either.)
  std::chrono::milliseconds timeout{60'000};
  // Of each stream so much is kept, half from its head and half from its tail.
  uint64_t max_output_bytes = 16'384;
  // Where each stream goes as it comes, beside what is kept; -1: nowhere. While such a descriptor can't take more, a
  // command that writes has to wait, and its time runs on; what it had written by its end is handed on afterwards,
  // however long that takes. When the descriptor takes no more at all, the command is cancelled. The process must
  // ignore SIGPIPE.
  int stdout_to = -1;
  int stderr_to = -1;
};

// The command ended by itself.
struct Exited {
  int code = 0;
};
// The command was ended by a signal (inside the sandbox).
struct Signaled {
  int signal = 0;
};
// We killed the sandbox when the time limit was reached.
struct TimedOut {};
// We killed the sandbox because the caller asked for it.
struct Cancelled {};
// The kernel killed the sandbox because it needed more memory than its limit, or than the machine has.
struct OutOfMemory {};
// The sandbox went away without telling how the command ended: brought down from inside, or killed by the host.
struct SandboxTerminated {};
// The command could not be started, and that is a fact about the command: it would fail in every sandbox.
struct NotStarted {
  enum class Cause {
    kCommandNotFound,        // no such program in the image, or a script whose interpreter is missing
    kCommandNotExecutable,   // found, but not executable or not of a known format
    kArgumentsTooLong,       // argv and env exceed what the kernel takes
    kWorkingDirUnavailable,  // not there, not a directory, not accessible
    kRepositoryUnavailable,  // not there, not a directory, reached through a symbolic link
    kImageUnavailable,       // the runner has no image of this name
  };
  Cause cause = Cause::kCommandNotFound;
  // For the user: which path or program, and why.
  std::string message;
};
using Ending = std::variant<Exited, Signaled, TimedOut, Cancelled, OutOfMemory, SandboxTerminated, NotStarted>;

// What is kept of one output stream. While nothing had to be dropped, `tail` is empty.
struct CapturedOutput {
  std::string head;
  std::string tail;
  uint64_t total_bytes = 0;  // written by the command, kept or not

  bool truncated() const { return total_bytes > head.size() + tail.size(); }
  uint64_t omitted_bytes() const { return total_bytes - head.size() - tail.size(); }
};

// What really confined the command.
struct Isolation {
  std::string runtime;     // "runsc"
  std::string version;     // as the runtime itself says: "release-20260901.0"
  std::string platform;    // "systrap"
  std::string network;     // "none"
  std::string repository;  // "ReadOnly", "Ephemeral"
  // Those that were enforced.
  Limits limits = {};
};

// What the sandbox used, as the host counted it. Nothing where it can't.
struct Usage {
  // From the hand-over of the command on.
  std::optional<std::chrono::microseconds> cpu = {};
  // The sandbox's own kernel and its file server are in it.
  std::optional<uint64_t> peak_memory_bytes = {};
};

struct RunResult {
  Ending ending;
  CapturedOutput stdout_output;
  CapturedOutput stderr_output;
  Isolation isolation;
  Usage usage;
  // From the call of Run to the start of the command; zero where it was never started.
  std::chrono::microseconds startup{0};
  // Its sandbox had been started before the command came.
  bool warm = false;
  // From the start of the command to its end, measured outside of the sandbox.
  std::chrono::microseconds duration{0};
};

}  // namespace fumehood::sandbox
