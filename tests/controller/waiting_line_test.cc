#include "controller/waiting_line.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace fumehood::controller {
namespace {

using std::chrono::seconds;
using testing::ElementsAre;
using testing::IsEmpty;

const CommandKey kA{{"team-a", "a"}, "1"};
const CommandKey kB{{"team-a", "b"}, "2"};
const CommandKey kC{{"team-a", "c"}, "3"};
constexpr SteadyTime kNow{std::chrono::hours(1)};

TEST(WaitingLineTest, FirstComeFirstServed) {
  WaitingLine line;
  line.Join(kB, kNow);
  line.Join(kC, kNow);
  line.Join(kA, kNow);
  EXPECT_THAT(line.All(), ElementsAre(kB, kC, kA));
  EXPECT_EQ(line.First(), kB);
}

TEST(WaitingLineTest, JoiningAgainKeepsPlaceAndTime) {
  WaitingLine line;
  EXPECT_EQ(line.Join(kA, kNow), kNow);
  line.Join(kB, kNow + seconds(1));
  EXPECT_EQ(line.Join(kA, kNow + seconds(2)), kNow);
  EXPECT_THAT(line.All(), ElementsAre(kA, kB));
}

TEST(WaitingLineTest, WhoLeavesAndJoinsAgainIsTheLast) {
  WaitingLine line;
  line.Join(kA, kNow);
  line.Join(kB, kNow);
  line.Leave(kA);
  EXPECT_EQ(line.Join(kA, kNow + seconds(2)), kNow + seconds(2));
  EXPECT_THAT(line.All(), ElementsAre(kB, kA));
}

TEST(WaitingLineTest, KnowsWhoIsBehind) {
  WaitingLine line;
  for (const CommandKey& key : {kA, kB, kC}) line.Join(key, kNow);
  EXPECT_EQ(line.Behind(kA), kB);
  EXPECT_EQ(line.Leave(kB), kC);
  EXPECT_EQ(line.Behind(kA), kC);
  EXPECT_EQ(line.Behind(kC), std::nullopt);
}

TEST(WaitingLineTest, NobodyIsBehindWhoIsNotInTheLine) {
  WaitingLine line;
  line.Join(kA, kNow);
  EXPECT_EQ(line.Behind(kB), std::nullopt);
  EXPECT_EQ(line.Leave(kB), std::nullopt);
}

TEST(WaitingLineTest, ASuccessorOfTheSameNameHasAPlaceOfItsOwn) {
  WaitingLine line;
  const CommandKey successor{kA.name, "9"};
  line.Join(kA, kNow);
  line.Join(successor, kNow);
  line.Leave(kA);
  EXPECT_THAT(line.All(), ElementsAre(successor));
}

TEST(WaitingLineTest, AnEmptyLineHasNoFirst) {
  WaitingLine line;
  line.Join(kA, kNow);
  line.Leave(kA);
  EXPECT_EQ(line.First(), std::nullopt);
  EXPECT_THAT(line.All(), IsEmpty());
}

}  // namespace
}  // namespace fumehood::controller
