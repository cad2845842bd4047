#include "lib/sandbox/hand_over.h"

#include <algorithm>
#include <cerrno>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "lib/sandbox/environment.h"
#include "lib/sandbox/relative_path.h"

namespace fumehood::sandbox {

namespace {

size_t SizeOf(const std::vector<std::string>& texts) {
  size_t size = 0;
  for (const std::string& text : texts) size += text.size() + sizeof(uint32_t);
  return size;
}

std::vector<std::string> PathsOf(const std::vector<std::filesystem::path>& directories) {
  std::vector<std::string> paths;
  for (const std::filesystem::path& directory : directories) paths.push_back(directory.string());
  return paths;
}

NotStarted Unavailable(NotStarted::Cause cause, std::string message) {
  return {.cause = cause, .message = std::move(message)};
}

std::string Reason(int error_number) { return std::generic_category().message(error_number); }

NotStarted InterpretExec(const init::NotStarted& report, const RunRequest& request) {
  using enum NotStarted::Cause;
  switch (report.error_number) {
    case ENOENT:
    case ENOTDIR:
      if (request.argv.front().contains('/')) {
        return Unavailable(
            kCommandNotFound,
            fmt::format("\"{}\": no such file, or it is a script or program whose interpreter is missing",
                        report.path));
      }
      return Unavailable(kCommandNotFound, fmt::format("\"{}\": not found in the PATH of image \"{}\"",
                                                       request.argv.front(), request.image));
    case E2BIG:
      return Unavailable(kArgumentsTooLong, "the arguments and the environment are longer than the kernel accepts");
    case ENOEXEC:
      return Unavailable(
          kCommandNotExecutable,
          fmt::format("\"{}\": not in a format that can be executed; a script must begin with \"#!\"", report.path));
    default:
      return Unavailable(kCommandNotExecutable, fmt::format("\"{}\": {}", report.path, Reason(report.error_number)));
  }
}

std::string_view Describe(init::Stage stage) {
  switch (stage) {
    case init::Stage::kHandOver: return "read the hand-over";
    case init::Stage::kWorkspace: return "mount the repository at";
    case init::Stage::kScratch: return "mount scratch space at";
    case init::Stage::kOthers: return "show";
    case init::Stage::kStdin: return "store the standard input";
    case init::Stage::kFork: return "make the command's process";
    case init::Stage::kLimits: return "limit the command's processes";
    case init::Stage::kIdentity: return "become the command's user";
    case init::Stage::kWorkingDir: return "enter the working directory";
    case init::Stage::kExec: return "execute";
  }
  return "do an unknown step";
}

}  // namespace

std::string_view ToString(RepositoryAccess access) {
  switch (access) {
    case RepositoryAccess::kReadOnly: return "ReadOnly";
    case RepositoryAccess::kEphemeral: return "Ephemeral";
  }
  return "?";
}

Result<std::variant<init::HandOver, NotStarted>> MakeHandOver(const RunRequest& request, uint64_t scratch_bytes) {
  if (request.argv.empty()) return Fail(ErrorCode::kInvalid, "the command is empty");
  for (const std::string& argument : request.argv) {
    if (argument.contains('\0')) {
      return Fail(ErrorCode::kInvalid, "an argument of the command contains a NUL byte");
    }
  }
  if (request.stdin_data.size() > kMaxStdinBytes) {
    return Fail(ErrorCode::kTooLarge, "the standard input has {} bytes; at most {} are possible",
                request.stdin_data.size(), kMaxStdinBytes);
  }
  Result<std::vector<std::string>> env = MakeEnvironment(request.env);
  if (!env) return Forward(std::move(env));
  std::string working_dir = init::kWorkspacePath;
  if (!request.working_dir.empty()) {
    if (const std::string_view why = WhyNotCleanRelative(request.working_dir); !why.empty()) {
      return Unavailable(NotStarted::Cause::kWorkingDirUnavailable,
                         fmt::format("the working directory \"{}\" can't be used: {}", request.working_dir, why));
    }
    working_dir += "/" + request.working_dir;
  }
  constexpr size_t kRoomForTheRest = 16 * 1024 + kMaxStdinBytes;
  if (SizeOf(request.argv) + SizeOf(*env) > init::kMaxHandOverBody - kRoomForTheRest) {
    return Unavailable(NotStarted::Cause::kArgumentsTooLong,
                       "the arguments and the environment are longer than any kernel accepts");
  }
  return init::HandOver{.argv = request.argv,
                        .env = std::move(*env),
                        .working_dir = std::move(working_dir),
                        .stdin_data = request.stdin_data,
                        .uid = kCommandUser,
                        .gid = kCommandUser,
                        .workspace = request.access == RepositoryAccess::kEphemeral ? init::Workspace::kEphemeral
                                                                                    : init::Workspace::kReadOnly,
                        .scratch_bytes = request.limits.scratch_bytes.value_or(scratch_bytes),
                        .max_processes = request.limits.pids.value_or(0),
                        .others = PathsOf(request.also_visible)};
}

Result<NotStarted> Interpret(const init::NotStarted& report, const RunRequest& request) {
  switch (report.stage) {
    case init::Stage::kWorkingDir:
      return Unavailable(
          NotStarted::Cause::kWorkingDirUnavailable,
          fmt::format("the working directory \"{}\": {}", request.working_dir, Reason(report.error_number)));
    case init::Stage::kExec: return InterpretExec(report, request);
    case init::Stage::kHandOver:
    case init::Stage::kWorkspace:
    case init::Stage::kScratch:
    case init::Stage::kOthers:
    case init::Stage::kStdin:
    case init::Stage::kFork:
    case init::Stage::kLimits:
    case init::Stage::kIdentity: break;
  }
  return Fail(ErrorCode::kUnavailable, "inside of the sandbox: {} {}: {}", Describe(report.stage), report.path,
              Reason(report.error_number));
}

}  // namespace fumehood::sandbox
