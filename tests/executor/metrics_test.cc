#include "executor/metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lib/service/metrics.h"
#include "tests/metrics_document.h"

namespace fumehood::executor {
namespace {

using std::chrono::milliseconds;
using testing::AllOf;
using testing::HasSubstr;

class ExecutorMetricsTest : public testing::Test {
 protected:
  service::Metrics metrics_;
  ExecutorMetrics counted_{metrics_, /*slots=*/4};
};

TEST_F(ExecutorMetricsTest, AreDocumented) {
  EXPECT_EQ(RegisteredMetrics(metrics_.registry()), DocumentedMetrics({"Any process", "Executor"}));
}

TEST_F(ExecutorMetricsTest, EventsCount) {
  counted_.AttemptEnded("ExitedNonZero");
  counted_.AttemptEnded("of somebody else's making");
  counted_.CommandRan(milliseconds(9), milliseconds(2'000), SandboxStart::kWarm);
  counted_.HandedBack("Draining");
  counted_.HandedBack("of somebody else's making");
  counted_.Reported(milliseconds(4));
  EXPECT_THAT(metrics_.Render(), AllOf(HasSubstr("fumehood_attempts_total{reason=\"ExitedNonZero\"} 1\n"),
                                       HasSubstr("fumehood_attempts_total{reason=\"ExitedZero\"} 0\n"),
                                       HasSubstr("fumehood_attempts_total{reason=\"Other\"} 1\n"),
                                       HasSubstr("fumehood_sandboxes_total{start=\"warm\"} 1\n"),
                                       HasSubstr("fumehood_sandboxes_total{start=\"cold\"} 0\n"),
                                       HasSubstr("fumehood_startup_seconds_bucket{le=\"0.01\"} 1\n"),
                                       HasSubstr("fumehood_run_seconds_sum 2\n"),
                                       HasSubstr("fumehood_handed_back_total{reason=\"Draining\"} 1\n"),
                                       HasSubstr("fumehood_handed_back_total{reason=\"ExecutorLost\"} 0\n"),
                                       HasSubstr("fumehood_handed_back_total{reason=\"Other\"} 1\n"),
                                       HasSubstr("fumehood_report_seconds_bucket{le=\"0.005\"} 1\n")));
}

TEST_F(ExecutorMetricsTest, AnAttemptRunsForAsLongAsItsTokenLives) {
  {
    const auto one = counted_.AttemptRuns();
    const auto another = counted_.AttemptRuns();
    EXPECT_THAT(metrics_.Render(), HasSubstr("fumehood_running 2\n"));
  }
  EXPECT_THAT(metrics_.Render(), HasSubstr("fumehood_running 0\n"));
}

TEST_F(ExecutorMetricsTest, StatesReplaceThoseBefore) {
  counted_.SetReportsPending(3);
  counted_.SetLedgerHealthy(true);
  counted_.SetLeaseHeld(true);
  counted_.SetLeaseHeld(false);
  EXPECT_THAT(metrics_.Render(), AllOf(HasSubstr("fumehood_slots 4\n"), HasSubstr("fumehood_reports_pending 3\n"),
                                       HasSubstr("fumehood_ledger_healthy 1\n"), HasSubstr("fumehood_lease_held 0\n")));
}

}  // namespace
}  // namespace fumehood::executor
