#include "lib/service/termination.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include "lib/base/sleep.h"

namespace fumehood::service {
namespace {

TEST(TerminationTest, ASignalIsARequestToStopAndASecondOneToHurry) {
  const auto termination = Termination::Watch();
  ASSERT_TRUE(termination) << termination.error().message;
  EXPECT_FALSE(termination->token().stop_requested());
  kill(getpid(), SIGTERM);
  termination->Wait();
  EXPECT_FALSE(termination->hurry_token().stop_requested());
  kill(getpid(), SIGINT);
  WaitForStop(termination->hurry_token());
}

TEST(TerminationTest, TheProcessItselfMayAskForTheEnd) {
  auto termination = Termination::Watch();
  ASSERT_TRUE(termination) << termination.error().message;
  termination->RequestStop();
  termination->Wait();
  EXPECT_TRUE(termination->token().stop_requested());
}

}  // namespace
}  // namespace fumehood::service
