#include "lib/base/duration.h"

#include <gtest/gtest.h>

#include <chrono>
#include <string>

namespace fumehood {
namespace {

using std::chrono::milliseconds;

struct DurationCase {
  std::string text;
  milliseconds want{0};
};

TEST(DurationTest, ReadsANumberAndAUnit) {
  const DurationCase cases[] = {{"500ms", milliseconds(500)},
                                {"40s", milliseconds(40'000)},
                                {"0.5s", milliseconds(500)},
                                {"1.5m", milliseconds(90'000)},
                                {"2h", milliseconds(7'200'000)}};
  for (const DurationCase& row : cases) {
    const auto parsed = ParseDuration(row.text);
    ASSERT_TRUE(parsed) << row.text;
    EXPECT_EQ(*parsed, row.want) << row.text;
  }
}

TEST(DurationTest, RefusesEverythingElse) {
  for (const char* const text :
       {"", "s", "40", "40 s", "40d", "-1s", "0s", "0.1ms", "1e9h", "99999999h", "nans", "infs", "1s1s", "+1s"}) {
    const auto parsed = ParseDuration(text);
    ASSERT_FALSE(parsed) << text;
    EXPECT_EQ(parsed.error().code, ErrorCode::kInvalid);
    EXPECT_NE(parsed.error().message.find("500ms"), std::string::npos) << "says what is right";
  }
}

TEST(DurationTest, WhatIsWrittenIsReadAgain) {
  for (const milliseconds duration : {milliseconds(1), milliseconds(1'500), milliseconds(40'000)}) {
    EXPECT_EQ(ParseDuration(FormatDuration(duration)).value(), duration);
  }
  EXPECT_EQ(FormatDuration(milliseconds(40'000)), "40s");
}

}  // namespace
}  // namespace fumehood
