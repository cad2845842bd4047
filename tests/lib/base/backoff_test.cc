#include "lib/base/backoff.h"

#include <gtest/gtest.h>

#include "tests/fakes/fake_clock.h"

namespace fumehood {
namespace {

using std::chrono::milliseconds;

const BackoffPolicy kWithoutJitter{.initial = milliseconds(100),
                                   .max = milliseconds(500),
                                   .factor = 2.0,
                                   .jitter = 0.0,
                                   .reset_after = milliseconds(10'000)};

TEST(BackoffTest, DelayDoublesUpToItsMaximum) {
  FakeClock clock;
  Backoff backoff(kWithoutJitter);
  EXPECT_EQ(backoff.Next(clock.SteadyNow()), milliseconds(100));
  EXPECT_EQ(backoff.Next(clock.SteadyNow()), milliseconds(200));
  EXPECT_EQ(backoff.Next(clock.SteadyNow()), milliseconds(400));
  EXPECT_EQ(backoff.Next(clock.SteadyNow()), milliseconds(500));
  EXPECT_EQ(backoff.Next(clock.SteadyNow()), milliseconds(500));
}

TEST(BackoffTest, BeginsAnewAfterAQuietTime) {
  FakeClock clock;
  Backoff backoff(kWithoutJitter);
  (void)backoff.Next(clock.SteadyNow());
  (void)backoff.Next(clock.SteadyNow());
  clock.Advance(milliseconds(10'000));
  EXPECT_EQ(backoff.Next(clock.SteadyNow()), milliseconds(100));
}

TEST(BackoffTest, JitterStretchesButNeverShortens) {
  FakeClock clock;
  BackoffPolicy policy = kWithoutJitter;
  policy.jitter = 1.0;
  for (unsigned seed = 0; seed < 50; ++seed) {
    Backoff backoff(policy, seed);
    const auto delay = backoff.Next(clock.SteadyNow());
    EXPECT_GE(delay, milliseconds(100));
    EXPECT_LE(delay, milliseconds(200));
  }
}

}  // namespace
}  // namespace fumehood
