#include "lib/service/periodically.h"

#include <gtest/gtest.h>

#include <atomic>
#include <latch>

namespace fumehood::service {
namespace {

using std::chrono::milliseconds;

TEST(PeriodicallyTest, CallsAtOnceAndAgain) {
  std::latch called_twice(2);
  std::atomic<int> calls = 0;
  const Periodically task("test", milliseconds(1), [&](std::stop_token) {
    if (++calls <= 2) called_twice.count_down();
  });
  called_twice.wait();
}

TEST(PeriodicallyTest, EndsWithoutWaitingForThePeriod) {
  std::latch called(1);
  const auto start = std::chrono::steady_clock::now();
  {
    const Periodically task("test", std::chrono::hours(1), [&](std::stop_token) { called.count_down(); });
    called.wait();
  }
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::minutes(1));
}

}  // namespace
}  // namespace fumehood::service
