#include "lib/base/time.h"

#include <gtest/gtest.h>

namespace fumehood {
namespace {

using namespace std::chrono;  // NOLINT: literals and calendar types are what this test is about

constexpr WallTime kMoment = sys_days(year(2026) / 2 / 28) + 23h + 59min + 58s + 123456us;

TEST(TimeTest, FormatsAsKubernetesDoes) {
  EXPECT_EQ(FormatTime(kMoment), "2026-02-28T23:59:58Z");
  EXPECT_EQ(FormatMicroTime(kMoment), "2026-02-28T23:59:58.123456Z");
}

TEST(TimeTest, ReadsWhatItWrites) {
  EXPECT_EQ(ParseTime(FormatMicroTime(kMoment)).value(), kMoment);
  EXPECT_EQ(ParseTime(FormatTime(kMoment)).value(), floor<seconds>(kMoment));
}

struct Readable {
  const char* name;
  const char* text;
  WallTime want;
};

TEST(TimeTest, ReadsEveryFormOfRfc3339) {
  const WallTime noon = sys_days(year(2024) / 2 / 29) + 12h;
  for (const Readable& row : {Readable{"Plain", "2024-02-29T12:00:00Z", noon},
                              {"LowerCase", "2024-02-29t12:00:00z", noon},
                              {"East", "2024-02-29T14:00:00+02:00", noon},
                              {"West", "2024-02-29T06:30:00-05:30", noon},
                              {"ShortFraction", "2024-02-29T12:00:00.5Z", noon + 500ms},
                              {"Nanoseconds", "2024-02-29T12:00:00.000001999Z", noon + 1us}}) {
    const auto parsed = ParseTime(row.text);
    ASSERT_TRUE(parsed) << row.name;
    EXPECT_EQ(*parsed, row.want) << row.name;
  }
}

TEST(TimeTest, RefusesEverythingElse) {
  for (const char* text : {"", "now", "2024-02-30T12:00:00Z", "2023-02-29T12:00:00Z", "2024-02-29T24:00:00Z",
                           "2024-02-29T12:60:00Z", "2024-02-29T12:00:00", "2024-02-29 12:00:00Z",
                           "2024-02-29T12:00:00.Z", "2024-02-29T12:00:00Zx", "-024-02-29T12:00:00Z"}) {
    EXPECT_FALSE(ParseTime(text)) << text;
  }
}

TEST(TimeTest, BootTimeIsNeverBehindTheMonotonicClock) {
  const SteadyTime monotonic = SystemClock().SteadyNow();
  const SteadyTime boot = BootTimeClock().SteadyNow();
  EXPECT_GE(boot, monotonic);
  EXPECT_GE(BootTimeClock().SteadyNow(), boot);
}

}  // namespace
}  // namespace fumehood
