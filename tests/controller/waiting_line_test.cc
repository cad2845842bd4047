#include "controller/waiting_line.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace fumehood::controller {
namespace {

using std::chrono::seconds;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr SteadyTime kNow{std::chrono::hours(1)};
constexpr WallTime kCame{std::chrono::days(20'000)};

// "a1": the command 1 of the namespace a.
CommandKey Key(const std::string& name) { return {{name.substr(0, 1), name}, "uid-of-" + name}; }

class WaitingLineTest : public testing::Test {
 protected:
  void Join(const std::vector<std::string>& names, int64_t priority = 0) {
    for (const std::string& name : names) line_.Join(Key(name), priority, kCame, kNow);
  }
  // Who gets a slot, one after the other, until nobody is left.
  std::vector<std::string> ServeAll() {
    std::vector<std::string> served;
    while (const auto next = line_.Next()) {
      served.push_back(next->name.name);
      line_.Serve(*next);
      line_.Leave(*next);
    }
    return served;
  }

  WaitingLine line_;
};

TEST_F(WaitingLineTest, OfOneNamespaceTheOldestComesFirst) {
  Join({"a2", "a3", "a1"});
  EXPECT_THAT(ServeAll(), ElementsAre("a2", "a3", "a1"));
}

TEST_F(WaitingLineTest, NamespacesTakeTurns) {
  Join({"a1", "a2", "a3", "a4", "b1", "b2", "c1"});
  EXPECT_THAT(ServeAll(), ElementsAre("a1", "b1", "c1", "a2", "b2", "a3", "a4"));
}

TEST_F(WaitingLineTest, WhoComesLaterJoinsAtTheEndOfTheRound) {
  Join({"a1", "a2", "b1", "b2"});
  line_.Serve(Key("a1"));
  Join({"c1"});
  EXPECT_THAT(ServeAll(), ElementsAre("b1", "a2", "c1", "b2"));
}

TEST_F(WaitingLineTest, TheHigherPriorityComesFirstWhateverTheTurn) {
  Join({"a1", "b1"});
  Join({"a2", "a3", "b2"}, 10);
  Join({"c1"}, -5);
  EXPECT_THAT(ServeAll(), ElementsAre("a2", "b2", "a3", "a1", "b1", "c1"));
}

TEST_F(WaitingLineTest, APriorityThatChangesMovesTheCommand) {
  Join({"a1", "a2"});
  Join({"a2"}, 1);
  EXPECT_THAT(ServeAll(), ElementsAre("a2", "a1"));
}

TEST_F(WaitingLineTest, JoiningAgainKeepsPlaceAndTime) {
  EXPECT_EQ(line_.Join(Key("a1"), 0, kCame, kNow), kNow);
  Join({"a2"});
  EXPECT_EQ(line_.Join(Key("a1"), 0, kCame, kNow + seconds(2)), kNow);
  EXPECT_EQ(line_.Since(Key("a1")), kNow);
  EXPECT_THAT(ServeAll(), ElementsAre("a1", "a2"));
}

TEST_F(WaitingLineTest, WhoCameEarlierComesFirstThoughItIsSeenLater) {
  line_.Join(Key("a1"), 0, kCame + seconds(2), kNow);
  line_.Join(Key("a2"), 0, kCame, kNow);
  line_.Join(Key("a3"), 0, kCame + seconds(1), kNow);
  EXPECT_TRUE(line_.IsItsTurn(Key("a2")));
  EXPECT_FALSE(line_.IsItsTurn(Key("a3")));
  EXPECT_THAT(ServeAll(), ElementsAre("a2", "a3", "a1"));
}

TEST_F(WaitingLineTest, WhoLeavesAndJoinsAgainIsTheLast) {
  Join({"a1", "a2"});
  line_.Leave(Key("a1"));
  EXPECT_EQ(line_.Since(Key("a1")), std::nullopt);
  EXPECT_EQ(line_.Join(Key("a1"), 0, kCame, kNow + seconds(2)), kNow + seconds(2));
  EXPECT_THAT(line_.All(), ElementsAre(Key("a2"), Key("a1")));
}

TEST_F(WaitingLineTest, ItIsTheTurnOfWhoeverNobodyComesBefore) {
  Join({"a1", "a2", "b1"});
  EXPECT_TRUE(line_.IsItsTurn(Key("a1")));
  EXPECT_FALSE(line_.IsItsTurn(Key("a2")));
  EXPECT_FALSE(line_.IsItsTurn(Key("b1")));
  line_.Serve(Key("a1"));
  EXPECT_TRUE(line_.IsItsTurn(Key("b1")));
  EXPECT_FALSE(line_.IsItsTurn(Key("a2")));
}

TEST_F(WaitingLineTest, WhoWasPassedOverHoldsNobodyUp) {
  Join({"a1", "a2", "b1"});
  line_.PassOver(Key("a1"), line_.now());
  EXPECT_EQ(line_.Next(), Key("a2"));
  EXPECT_TRUE(line_.IsItsTurn(Key("a2")));
  EXPECT_TRUE(line_.IsItsTurn(Key("a1"))) << "its place is still the first";
}

TEST_F(WaitingLineTest, AFreedSlotIsForWhoeverWasPassedOver) {
  Join({"a1", "b1"});
  line_.PassOver(Key("a1"), line_.now());
  line_.Reconsider();
  EXPECT_EQ(line_.Next(), Key("a1"));
  EXPECT_FALSE(line_.IsItsTurn(Key("b1")));
}

TEST_F(WaitingLineTest, WhoWasPassedOverComesBeforeWhoCameLater) {
  Join({"a1", "a2", "a3"});
  line_.PassOver(Key("a1"), line_.now());
  line_.PassOver(Key("a2"), line_.now());
  Join({"a4"});
  line_.Reconsider();
  EXPECT_THAT(ServeAll(), ElementsAre("a1", "a2", "a3", "a4"));
}

TEST_F(WaitingLineTest, WhoIsPassedOverAndLeavesIsGone) {
  Join({"a1", "a2"});
  for (const char* name : {"a1", "a2"}) line_.PassOver(Key(name), line_.now());
  EXPECT_EQ(line_.Next(), std::nullopt);
  line_.Leave(Key("a1"));
  line_.Reconsider();
  EXPECT_THAT(ServeAll(), ElementsAre("a2"));
}

TEST_F(WaitingLineTest, ASlotThatWasFreedDuringTheDecisionIsNotMissed) {
  Join({"a1"});
  const WaitingLine::Moment before = line_.now();
  line_.Reconsider();
  line_.PassOver(Key("a1"), before);
  EXPECT_EQ(line_.Next(), Key("a1"));
  line_.PassOverNamespace(Key("a1"), before);
  EXPECT_EQ(line_.Next(), Key("a1"));
}

TEST_F(WaitingLineTest, ANamespaceIsPassedOverAsAWhole) {
  Join({"a1", "a2", "b1"});
  Join({"a3"}, 5);
  line_.PassOverNamespace(Key("a3"), line_.now());
  EXPECT_EQ(line_.Next(), Key("b1"));
  EXPECT_TRUE(line_.IsItsTurn(Key("b1")));
  line_.Reconsider();
  EXPECT_EQ(line_.Next(), Key("a3"));
}

TEST_F(WaitingLineTest, WhoStandsAsideIsNotTriedAndKeepsItsPlace) {
  Join({"a1", "a2"});
  line_.StandAside(Key("a1"));
  line_.Reconsider();
  EXPECT_EQ(line_.Next(), Key("a2"));
  EXPECT_TRUE(line_.IsItsTurn(Key("a2")));
  EXPECT_THAT(line_.All(), ElementsAre(Key("a1"), Key("a2")));
  Join({"a1"});
  EXPECT_EQ(line_.Next(), Key("a1"));
}

TEST_F(WaitingLineTest, ASlotThatCouldNotBeTakenLeavesTheCommandInItsPlace) {
  Join({"a1", "a2"});
  line_.Serve(Key("a1"));
  EXPECT_EQ(line_.Next(), Key("a2"));
  EXPECT_EQ(line_.Join(Key("a1"), 0, kCame, kNow + seconds(5)), kNow);
  EXPECT_EQ(line_.Next(), Key("a1"));
}

TEST_F(WaitingLineTest, ASuccessorOfTheSameNameHasAPlaceOfItsOwn) {
  const CommandKey successor{Key("a1").name, "another"};
  Join({"a1"});
  line_.Join(successor, 0, kCame, kNow);
  line_.Leave(Key("a1"));
  EXPECT_THAT(line_.All(), ElementsAre(successor));
}

TEST_F(WaitingLineTest, AnEmptyLineHasNobody) {
  Join({"a1"});
  line_.Leave(Key("a1"));
  line_.Leave(Key("a1"));
  EXPECT_EQ(line_.Next(), std::nullopt);
  EXPECT_THAT(line_.All(), IsEmpty());
  EXPECT_TRUE(line_.IsItsTurn(Key("a1")));
}

}  // namespace
}  // namespace fumehood::controller
