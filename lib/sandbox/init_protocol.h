// What the host and the init inside of a sandbox say to each other over a stream socket. Shared by both
// programs, so it needs neither exceptions nor libraries. Each side must take the other's bytes for hostile.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace fumehood::sandbox::init {

// Where the host puts things that the init looks for, as seen inside of the sandbox.
inline constexpr char kProgramPath[] = "/.fumehood/init";
inline constexpr char kLatePath[] = "/.fumehood/late";
inline constexpr char kLateRepositoryPath[] = "/.fumehood/late/repo";
inline constexpr char kWorkspacePath[] = "/workspace";
// Other directories of the host, by their number.
inline constexpr char kLateOthersPath[] = "/.fumehood/late/others";

// What /workspace is.
enum class Workspace : uint8_t {
  kReadOnly,   // the late repository
  kEphemeral,  // a layer in memory above it
};

// Host to init, once: the command to run.
struct HandOver {
  std::vector<std::string> argv;
  std::vector<std::string> env;
  std::string working_dir;  // absolute
  std::string stdin_data;
  uint32_t uid = 0;
  uint32_t gid = 0;
  Workspace workspace = Workspace::kReadOnly;
  uint64_t scratch_bytes = 0;  // the size of /tmp, of /dev/shm, and of an ephemeral workspace's layer, each
  uint32_t max_processes = 0;  // of that user, threads included; 0: as many as it likes
  // Where the other directories are to appear, in the order of their numbers. Absolute.
  std::vector<std::string> others = {};

  bool operator==(const HandOver&) const = default;
};

// Init to host: the command's program is running.
struct Started {
  bool operator==(const Started&) const = default;
};
// Init to host: the command's process ended.
struct Ended {
  int wait_status = 0;  // as of waitpid(2)

  bool operator==(const Ended&) const = default;
};
// The step at which the init had to give up.
enum class Stage : uint8_t {
  kHandOver,    // reading the request
  kWorkspace,   // mounting the repository
  kScratch,     // mounting /tmp and /dev/shm
  kOthers,      // mounting the other directories
  kStdin,       // storing the standard input
  kFork,        // making the command's process
  kLimits,      // setting its limits
  kIdentity,    // becoming the command's user
  kWorkingDir,  // entering the working directory
  kExec,        // executing the program
};
// Init to host: the command could not be started.
struct NotStarted {
  Stage stage = Stage::kHandOver;
  int error_number = 0;
  std::string path;  // what the step worked on; may be empty

  bool operator==(const NotStarted&) const = default;
};
using Report = std::variant<Started, Ended, NotStarted>;

// Bodies larger than these are refused before they are received.
inline constexpr size_t kMaxHandOverBody = 4 * 1024 * 1024;
inline constexpr size_t kMaxReportBody = 8 * 1024;

// A whole frame, ready to be sent. The caller sees to it that the body fits.
std::string Encode(const HandOver& hand_over);
std::string Encode(const Report& report);

struct Frame {
  uint16_t type = 0;
  std::string body;
};

// Cuts a stream into frames. After a refusal the stream is of no more use.
class FrameBuffer {
 public:
  explicit FrameBuffer(size_t max_body) : max_body_(max_body) {}

  void Append(std::string_view bytes) { bytes_.append(bytes); }
  // The next whole frame; nothing while it is incomplete; or why the stream is refused.
  std::expected<std::optional<Frame>, std::string_view> Next();

 private:
  size_t max_body_;
  std::string bytes_;
};

// The value in a frame, or why it is refused: of another type, truncated, with bytes left over, with a NUL
// byte in what becomes a C string, or out of range.
std::expected<HandOver, std::string_view> DecodeHandOver(const Frame& frame);
std::expected<Report, std::string_view> DecodeReport(const Frame& frame);

}  // namespace fumehood::sandbox::init
