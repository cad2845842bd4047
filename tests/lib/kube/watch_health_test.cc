#include "lib/kube/watch_health.h"

#include <gtest/gtest.h>

#include "tests/fakes/fake_clock.h"

namespace fumehood::kube {
namespace {

using std::chrono::seconds;

class WatchHealthTest : public testing::Test {
 protected:
  Status Check() const { return health_.Check(clock_.SteadyNow(), seconds(30)); }

  FakeClock clock_;
  WatchHealth health_;
};

TEST_F(WatchHealthTest, IsNotSyncedBeforeTheFirstConnection) {
  EXPECT_EQ(Check().error().message, "not synced yet");
  health_.OnDisconnected(clock_.SteadyNow());
  EXPECT_EQ(Check().error().message, "not synced yet");
  health_.OnConnected();
  EXPECT_TRUE(Check());
}

TEST_F(WatchHealthTest, AQuietConnectionIsNotStale) {
  health_.OnConnected();
  clock_.Advance(std::chrono::hours(1));
  EXPECT_TRUE(Check());
}

TEST_F(WatchHealthTest, ABreakIsStaleWhenItLastsLongerThanTheLimit) {
  health_.OnConnected();
  health_.OnDisconnected(clock_.SteadyNow());
  clock_.Advance(seconds(30));
  EXPECT_TRUE(Check());
  health_.OnDisconnected(clock_.SteadyNow());  // it began before
  clock_.Advance(seconds(1));
  ASSERT_FALSE(Check());
  EXPECT_EQ(Check().error().message, "no connection for 31 s");
  health_.OnConnected();
  EXPECT_TRUE(Check());
}

}  // namespace
}  // namespace fumehood::kube
