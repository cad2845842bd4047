#include "lib/sandbox/docker_client.h"

#include <chrono>
#include <utility>
#include <variant>

#include "lib/base/one_line.h"

namespace fumehood::sandbox {

namespace {

using namespace std::chrono_literals;

constexpr auto kQueryLimit = 20s;
constexpr uint64_t kMaxAnswer = 1024 * 1024;

}  // namespace

HostCommand DockerClient::Command(std::vector<std::string> arguments) const {
  arguments.insert(arguments.begin(), program.string());
  return {.program = {.argv = std::move(arguments), .env = environment, .streams = {}},
          .stdin_data = "",
          .timeout = kQueryLimit,
          .max_output_bytes = kMaxAnswer};
}

Result<std::string> DockerClient::Ask(std::vector<std::string> arguments, std::stop_token stop) const {
  auto ran = RunHostCommand(Command(std::move(arguments)), {}, std::move(stop));
  if (!ran) return Forward(std::move(ran));
  if (const int* error_number = std::get_if<int>(&*ran)) {
    return FailErrno(*error_number, fmt::format("start \"{}\"", program.string()));
  }
  auto& result = std::get<HostCommandResult>(*ran);
  if (std::holds_alternative<Cancelled>(result.ending)) return Fail(ErrorCode::kCancelled, "Docker was not waited for");
  const auto* ended = std::get_if<HostEnded>(&result.ending);
  if (ended == nullptr) return Fail(ErrorCode::kUnavailable, "Docker gave no answer within {} s", kQueryLimit.count());
  if (ended->wait_status != 0) {
    return Fail(ErrorCode::kUnavailable, "Docker says: {}", WordsOf(result.stderr_output));
  }
  return std::move(result.stdout_output.head);
}

std::string WordsOf(const CapturedOutput& output) {
  std::string text = OneLine(output.head + output.tail);
  return text.empty() ? "it gave no reason" : text;
}

}  // namespace fumehood::sandbox
