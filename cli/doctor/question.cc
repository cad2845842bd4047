#include "cli/doctor/question.h"

#include <sys/wait.h>

#include <utility>
#include <variant>

#include "lib/sandbox/host_command.h"
#include "lib/sandbox/program_lookup.h"

namespace fumehood::cli::doctor {

Result<Answer> Ask(std::vector<std::string> argv, std::chrono::milliseconds limit) {
  constexpr uint64_t kMaxAnswer = 1024 * 1024;
  const std::string program = argv.front();
  auto ran = sandbox::RunHostCommand({.program = {.argv = std::move(argv), .env = sandbox::OwnEnvironment()},
                                      .stdin_data = "",
                                      .timeout = limit,
                                      .max_output_bytes = kMaxAnswer},
                                     {}, {});
  if (!ran) return Forward(std::move(ran));
  if (const int* error_number = std::get_if<int>(&*ran))
    return FailErrno(*error_number, fmt::format("start \"{}\"", program));
  auto& result = std::get<sandbox::HostCommandResult>(*ran);
  const auto* ended = std::get_if<sandbox::HostEnded>(&result.ending);
  if (ended == nullptr) {
    return Fail(ErrorCode::kUnavailable, "\"{}\" gave no answer within {} s", program,
                std::chrono::duration_cast<std::chrono::seconds>(limit).count());
  }
  const int wait_status = ended->wait_status;
  return Answer{.status = WIFSIGNALED(wait_status) ? 128 + WTERMSIG(wait_status) : WEXITSTATUS(wait_status),
                .out = std::move(result.stdout_output.head),
                .err = std::move(result.stderr_output.head)};
}

}  // namespace fumehood::cli::doctor
