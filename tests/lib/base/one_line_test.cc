#include "lib/base/one_line.h"

#include <gtest/gtest.h>

namespace fumehood {
namespace {

TEST(OneLineTest, LeavesNothingThatWouldBreakALine) {
  EXPECT_EQ(OneLine("first\nsecond\tthird\x1b[0m\x7f!"), "first second third [0m !");
  EXPECT_EQ(OneLine("\xc3\xa4"), "\xc3\xa4");
}

TEST(OneLineTest, LeavesOutWhatSurroundsIt) {
  EXPECT_EQ(OneLine("\n  words here \n"), "words here");
  EXPECT_EQ(OneLine(" \n "), "");
  EXPECT_EQ(OneLine(""), "");
}

}  // namespace
}  // namespace fumehood
