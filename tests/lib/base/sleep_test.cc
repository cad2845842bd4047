#include "lib/base/sleep.h"

#include <gtest/gtest.h>

#include <thread>

namespace fumehood {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

TEST(SleepTest, LastsAsLongAsAsked) {
  const auto start = steady_clock::now();
  EXPECT_TRUE(SleepUnlessStopped(milliseconds(5), {}));
  EXPECT_GE(steady_clock::now() - start, milliseconds(5));
}

TEST(SleepTest, AStopEndsItWhetherItComesBeforeOrDuring) {
  std::stop_source stop;
  std::jthread stopper([&stop] { stop.request_stop(); });
  EXPECT_FALSE(SleepUnlessStopped(hours(1), stop.get_token()));
  EXPECT_FALSE(SleepUnlessStopped(hours(1), stop.get_token()));
  WaitForStop(stop.get_token());
}

}  // namespace
}  // namespace fumehood
