#include "lib/service/health_checks.h"

#include <gtest/gtest.h>

namespace fumehood::service {
namespace {

using Detail = HealthChecks::Detail;
using Verdict = HealthChecks::Verdict;

class HealthChecksTest : public testing::Test {
 protected:
  HealthChecksTest() {
    checks_.Add("ledger", [this]() -> Status { return ledger_; });
    checks_.Add("watch-commands", []() -> Status { return {}; });
  }

  Status ledger_;
  HealthChecks checks_;
};

TEST_F(HealthChecksTest, WellIsOneWord) {
  const auto answer = checks_.Ask("readyz", "", Detail::kFailures);
  EXPECT_EQ(answer.verdict, Verdict::kHealthy);
  EXPECT_EQ(answer.text, "ok");
}

TEST_F(HealthChecksTest, WellIsEveryCheckForWhoWantsToKnow) {
  EXPECT_EQ(checks_.Ask("readyz", "", Detail::kAll).text, "[+]ledger ok\n[+]watch-commands ok\nreadyz check passed\n");
}

TEST_F(HealthChecksTest, OneFailureFailsAllAndTellsWhy) {
  ledger_ = Fail(ErrorCode::kUnavailable, "disk full");
  const auto answer = checks_.Ask("readyz", "", Detail::kFailures);
  EXPECT_EQ(answer.verdict, Verdict::kUnhealthy);
  EXPECT_EQ(answer.text, "[-]ledger failed: disk full\n[+]watch-commands ok\nreadyz check failed\n");
}

TEST_F(HealthChecksTest, OneCheckAnswersForItselfAlone) {
  ledger_ = Fail(ErrorCode::kUnavailable, "disk full");
  EXPECT_EQ(checks_.Ask("readyz", "watch-commands", Detail::kFailures).verdict, Verdict::kHealthy);
  EXPECT_EQ(checks_.Ask("readyz", "ledger", Detail::kFailures).verdict, Verdict::kUnhealthy);
  EXPECT_EQ(checks_.Ask("readyz", "led", Detail::kFailures).verdict, Verdict::kNoSuchCheck);
}

TEST(NoHealthChecksTest, AreWell) {
  EXPECT_EQ(HealthChecks().Ask("livez", "", Detail::kFailures).verdict, Verdict::kHealthy);
}

}  // namespace
}  // namespace fumehood::service
