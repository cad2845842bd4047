#include "executor/outcome_record.h"

#include <string>
#include <string_view>
#include <utility>

#include "lib/base/json_fields.h"

namespace fumehood::executor {
namespace {

using nlohmann::json;

json Bytes(std::string_view text) { return json::binary(std::vector<uint8_t>(text.begin(), text.end())); }

std::string BytesAt(const json& record, std::string_view key) {
  const json& value = FieldAt(record, key);
  if (!value.is_binary()) return {};
  const auto& bytes = value.get_binary();
  return {bytes.begin(), bytes.end()};
}

json ToRecord(const sandbox::CapturedOutput& output) {
  return {{"head", Bytes(output.head)}, {"tail", Bytes(output.tail)}, {"totalBytes", output.total_bytes}};
}

sandbox::CapturedOutput ReadOutput(const json& record) {
  sandbox::CapturedOutput output{BytesAt(record, "head"), BytesAt(record, "tail"), 0};
  output.total_bytes = static_cast<uint64_t>(IntegerAt(record, "totalBytes", 0));
  return output;
}

bool IsWhole(const sandbox::CapturedOutput& output) {
  return output.total_bytes >= output.head.size() + output.tail.size();
}

}  // namespace

json ToRecord(const Outcome& outcome) {
  return {{"status", ToJson(outcome.status)},
          {"stdout", ToRecord(outcome.stdout_output)},
          {"stderr", ToRecord(outcome.stderr_output)},
          {"maxOutputBytes", outcome.max_output_bytes},
          {"specBytes", outcome.spec_bytes}};
}

Result<Outcome> ReadOutcome(const json& record) {
  Outcome outcome{.status = api::ReadSandboxCommandStatus(FieldAt(record, "status")),
                  .stdout_output = ReadOutput(FieldAt(record, "stdout")),
                  .stderr_output = ReadOutput(FieldAt(record, "stderr")),
                  .max_output_bytes = static_cast<uint64_t>(IntegerAt(record, "maxOutputBytes", 0)),
                  .spec_bytes = IntegerAt(record, "specBytes", 0)};
  if (!outcome.status.completion_time || !outcome.status.result || !IsWhole(outcome.stdout_output) ||
      !IsWhole(outcome.stderr_output)) {
    return Fail(ErrorCode::kInvalid, "read an outcome: the record is not one of a finished attempt");
  }
  return outcome;
}

}  // namespace fumehood::executor
