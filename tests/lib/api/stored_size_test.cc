#include "lib/api/stored_size.h"

#include <gtest/gtest.h>

#include <string>

namespace fumehood::api {
namespace {

TEST(StoredSizeTest, CountsWhatAUserCanMakeLarge) {
  SandboxCommandSpec spec;
  spec.command = {std::string(1'000, 'a'), std::string(2'000, 'b')};
  spec.env = {{"NAME", std::string(3'000, 'c')}};
  spec.stdin_data = std::string(4'000, 'd');
  EXPECT_EQ(StoredBytes(spec), 10'004);
  spec.command.clear();
  spec.shell = std::string(5'000, 'e');
  EXPECT_EQ(StoredBytes(spec), 12'004);
}

TEST(StoredSizeTest, CountsAsTheApiServerWrites) {
  SandboxCommandSpec spec;
  spec.shell = "a<b";
  EXPECT_EQ(StoredBytes(spec), 8) << "'<' is six bytes";
}

TEST(StoredSizeTest, CountsOutputsAndMessages) {
  SandboxCommandStatus status;
  const int64_t rest = StoredBytes(status);
  EXPECT_GT(rest, 0);
  status.result.emplace().stdout_text = std::string(1'000, 'x');
  status.result->stderr_text = std::string(2'000, 'y');
  status.conditions.emplace_back().message = std::string(300, 'z');
  EXPECT_EQ(StoredBytes(status), rest + 3'300);
}

}  // namespace
}  // namespace fumehood::api
