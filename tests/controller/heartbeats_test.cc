#include "controller/heartbeats.h"

#include <gtest/gtest.h>

#include "tests/fakes/fake_clock.h"
#include "tests/fakes/sample_objects.h"

namespace fumehood::controller {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class HeartbeatsTest : public testing::Test {
 protected:
  // The executor as its object says, with this heartbeat by its own clock.
  bool Observe(std::optional<WallTime> heartbeat_time) {
    auto executor = api::ReadSandboxExecutor(api::SampleExecutor()).value();
    executor.status.heartbeat_time = heartbeat_time;
    return heartbeats_.Observe(executor, clock_.SteadyNow());
  }
  bool IsAlive() const { return heartbeats_.IsAlive("node-1", clock_.SteadyNow()); }

  FakeClock clock_;
  Heartbeats heartbeats_;
};

TEST_F(HeartbeatsTest, NobodyUnknownIsAlive) { EXPECT_FALSE(IsAlive()); }

TEST_F(HeartbeatsTest, ANewExecutorIsAliveWhateverItsClockSays) {
  EXPECT_TRUE(Observe(WallTime{}));
  EXPECT_TRUE(IsAlive());
}

TEST_F(HeartbeatsTest, AnExecutorWithoutAHeartbeatIsAliveForALifetime) {
  EXPECT_TRUE(Observe(std::nullopt));
  EXPECT_TRUE(IsAlive());
  clock_.Advance(Heartbeats::kLifetime);
  EXPECT_FALSE(IsAlive());
}

TEST_F(HeartbeatsTest, ASilentExecutorDiesAfterItsLifetime) {
  Observe(WallTime{});
  clock_.Advance(Heartbeats::kLifetime - milliseconds(1));
  EXPECT_TRUE(IsAlive());
  clock_.Advance(milliseconds(1));
  EXPECT_FALSE(IsAlive());
}

TEST_F(HeartbeatsTest, AHeartbeatKeepsItAlive) {
  Observe(WallTime{});
  clock_.Advance(seconds(30));
  EXPECT_FALSE(Observe(WallTime{} + seconds(30)));
  clock_.Advance(seconds(30));
  EXPECT_TRUE(IsAlive());
}

TEST_F(HeartbeatsTest, SeeingTheSameHeartbeatAgainIsNoSignOfLife) {
  Observe(WallTime{});
  clock_.Advance(seconds(30));
  Observe(WallTime{});
  clock_.Advance(seconds(10));
  EXPECT_FALSE(IsAlive());
}

TEST_F(HeartbeatsTest, AClockThatWasSetBackIsASignOfLife) {
  Observe(WallTime{} + seconds(1'000));
  clock_.Advance(seconds(30));
  Observe(WallTime{});
  clock_.Advance(seconds(30));
  EXPECT_TRUE(IsAlive());
}

TEST_F(HeartbeatsTest, OneThatWasDeadComesAliveAgain) {
  Observe(WallTime{});
  clock_.Advance(Heartbeats::kLifetime);
  EXPECT_TRUE(Observe(WallTime{} + seconds(41)));
  EXPECT_TRUE(IsAlive());
}

TEST_F(HeartbeatsTest, AfterARestartOfTheTimersEverybodyHasALifetime) {
  Observe(WallTime{});
  clock_.Advance(Heartbeats::kLifetime * 2);
  heartbeats_.RestartTimers(clock_.SteadyNow());
  EXPECT_TRUE(IsAlive());
  clock_.Advance(Heartbeats::kLifetime);
  EXPECT_FALSE(IsAlive());
}

TEST_F(HeartbeatsTest, ARemovedExecutorIsNotAlive) {
  Observe(WallTime{});
  heartbeats_.Remove("node-1");
  EXPECT_FALSE(IsAlive());
}

}  // namespace
}  // namespace fumehood::controller
