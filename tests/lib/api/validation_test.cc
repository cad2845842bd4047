#include "lib/api/validation.h"

#include <gtest/gtest.h>

#include <functional>
#include <string>

namespace fumehood::api {
namespace {

SandboxCommandSpec GoodSpec() {
  SandboxCommandSpec spec;
  spec.command = {"make", "test"};
  spec.repository.path = "team/shop";
  return spec;
}

TEST(ValidationTest, AcceptsAGoodSpec) {
  EXPECT_TRUE(Validate(GoodSpec()));
  SandboxCommandSpec shell = GoodSpec();
  shell.command.clear();
  shell.shell = "make test | tail";
  shell.working_dir = "services/api";
  shell.env = {{"CI", "1"}, {"_x9", ""}};
  EXPECT_TRUE(Validate(shell));
}

struct BadSpec {
  const char* name;
  std::function<void(SandboxCommandSpec&)> break_it;
  const char* want;  // in the message
};

TEST(ValidationTest, NamesTheFieldThatIsWrong) {
  using namespace std::string_literals;
  const BadSpec kRows[] = {
      {"Neither", [](auto& s) { s.command.clear(); }, "spec.command, spec.shell"},
      {"Both", [](auto& s) { s.shell = "x"; }, "spec.command, spec.shell"},
      {"EmptyProgram", [](auto& s) { s.command[0] = ""; }, "spec.command[0]"},
      {"NulInArgument", [](auto& s) { s.command[1] = "a\0b"s; }, "spec.command"},
      {"NulInShell",
       [](auto& s) {
         s.command.clear();
         s.shell = "a\0b"s;
       },
       "spec.shell"},
      {"NoRepository", [](auto& s) { s.repository.path = ""; }, "spec.repository.path"},
      {"AbsoluteRepository", [](auto& s) { s.repository.path = "/etc"; }, "spec.repository.path"},
      {"ParentOfRepository", [](auto& s) { s.repository.path = "a/../../b"; }, "spec.repository.path"},
      {"TrailingSlash", [](auto& s) { s.repository.path = "a/"; }, "spec.repository.path"},
      {"ControlCharacter", [](auto& s) { s.repository.path = "a\nb"; }, "spec.repository.path"},
      {"LongPath", [](auto& s) { s.repository.path = std::string(1'025, 'a'); }, "spec.repository.path"},
      {"WorkingDirOutside", [](auto& s) { s.working_dir = ".."; }, "spec.workingDir"},
      {"EnvName", [](auto& s) { s.env = {{"A=B", "1"}}; }, "A=B"},
      {"EnvDigit", [](auto& s) { s.env = {{"1A", "1"}}; }, "1A"},
      {"EnvValue", [](auto& s) { s.env = {{"A", "a\0b"s}}; }, "the value of A"},
      {"NoTime", [](auto& s) { s.timeout = std::chrono::seconds(0); }, "spec.timeoutSeconds"},
      {"TooMuchTime", [](auto& s) { s.timeout = std::chrono::seconds(86'401); }, "spec.timeoutSeconds"},
      {"TooLittleMemory", [](auto& s) { s.resources.memory = "63Mi"; }, "spec.resources.memory"},
      {"NoQuantity", [](auto& s) { s.resources.cpu = "fast"; }, "spec.resources.cpu"},
      {"TooHighPriority", [](auto& s) { s.priority = 1'001; }, "spec.priority"},
      {"TooLowPriority", [](auto& s) { s.priority = -1'001; }, "spec.priority"},
      {"TooMuchOutput", [](auto& s) { s.max_output_bytes = 262'145; }, "spec.output.maxBytes"},
  };
  for (const BadSpec& row : kRows) {
    SandboxCommandSpec spec = GoodSpec();
    row.break_it(spec);
    const Status valid = Validate(spec);
    ASSERT_FALSE(valid) << row.name;
    EXPECT_EQ(valid.error().code, ErrorCode::kInvalid) << row.name;
    EXPECT_NE(valid.error().message.find(row.want), std::string::npos) << row.name << ": " << valid.error().message;
  }
}

}  // namespace
}  // namespace fumehood::api
