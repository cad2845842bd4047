// How a finished status keeps less of the outputs than the run has kept.
#include <gtest/gtest.h>

#include <ostream>
#include <string>

#include "executor/finished_status.h"
#include "executor/outcome.h"
#include "tests/fakes/sample_objects.h"

namespace fumehood::executor {
namespace {

struct ShorteningCase {
  std::string name;
  sandbox::CapturedOutput output;
  uint64_t max = 0;
  std::string want;
  bool want_truncated = true;

  friend void PrintTo(const ShorteningCase& row, std::ostream* out) { *out << row.name; }
};

class ShorteningTest : public testing::TestWithParam<ShorteningCase> {};

TEST_P(ShorteningTest, KeepsHeadAndTail) {
  sandbox::RunResult result;
  result.ending = sandbox::Exited{0};
  result.stdout_output = GetParam().output;
  const auto command = api::Read(api::AsBound(api::SampleCommand()));
  const auto status = FinishedStatus(MakeOutcome(command, result, {"runsc", WallTime{}, WallTime{}}), GetParam().max);
  ASSERT_TRUE(status.result);
  EXPECT_EQ(status.result->stdout_text, GetParam().want);
  EXPECT_EQ(status.result->stdout_truncated, GetParam().want_truncated);
  EXPECT_EQ(status.result->stdout_bytes, static_cast<int64_t>(GetParam().output.total_bytes));
  EXPECT_EQ(status.result->stderr_text, "");
  EXPECT_FALSE(status.result->stderr_truncated);
}

const ShorteningCase kCases[] = {
    {"Nothing", {"", "", 0}, 10, "", false},
    {"AllOfIt", {"0123456789", "", 10}, 10, "0123456789", false},
    {"HeadAndTailOfAWholeOutput", {"0123456789", "", 10}, 4, "01\n[fumehood: 6 bytes omitted]\n89"},
    {"AnOddNumberFavoursTheHead", {"0123456789", "", 10}, 5, "012\n[fumehood: 5 bytes omitted]\n89"},
    {"OneByte", {"0123456789", "", 10}, 1, "0\n[fumehood: 9 bytes omitted]\n"},
    {"NoByte", {"0123456789", "", 10}, 0, "\n[fumehood: 10 bytes omitted]\n"},
    {"WhatTheRunHasShortenedAlready", {"01234", "56789", 1'000}, 10, "01234\n[fumehood: 990 bytes omitted]\n56789"},
    {"WhatTheRunHasShortenedEvenShorter", {"01234", "56789", 1'000}, 4, "01\n[fumehood: 996 bytes omitted]\n89"},
    {"AShortHeadAndALongTail", {"0", "123456789", 1'000}, 4, "0\n[fumehood: 997 bytes omitted]\n89"},
    {"ALongHeadAndAShortTail", {"012345678", "9", 1'000}, 4, "01\n[fumehood: 997 bytes omitted]\n9"},
};
INSTANTIATE_TEST_SUITE_P(Outputs, ShorteningTest, testing::ValuesIn(kCases),
                         [](const auto& row) { return row.param.name; });

}  // namespace
}  // namespace fumehood::executor
