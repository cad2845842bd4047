#include "controller/metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lib/service/metrics.h"
#include "tests/metrics_document.h"

namespace fumehood::controller {
namespace {

using std::chrono::milliseconds;
using testing::AllOf;
using testing::HasSubstr;

class ControllerMetricsTest : public testing::Test {
 protected:
  service::Metrics metrics_;
  ControllerMetrics counted_{metrics_, "fumehood-controller"};
};

TEST_F(ControllerMetricsTest, AreDocumented) {
  EXPECT_EQ(RegisteredMetrics(metrics_.registry()), DocumentedMetrics({"Any process", "Controller"}));
}

TEST_F(ControllerMetricsTest, EventsCount) {
  counted_.CommandBound(milliseconds(250));
  counted_.CommandBound({});
  counted_.CommandRebound(RebindCause::kExecutorLost);
  counted_.CommandEnded("Cancelled");
  counted_.CommandEnded("of somebody else's making");
  counted_.ExecutorLost();
  counted_.CommandDeleted(DeletionCause::kNamespaceLimit);
  counted_.StaleSyncSkipped();
  EXPECT_THAT(metrics_.Render(),
              AllOf(HasSubstr("fumehood_commands_bound_total 2\n"),
                    HasSubstr("fumehood_bind_duration_seconds_bucket{le=\"0.25\"} 1\n"),
                    HasSubstr("fumehood_bind_duration_seconds_count 1\n"),
                    HasSubstr("fumehood_rebinds_total{reason=\"ExecutorLost\"} 1\n"),
                    HasSubstr("fumehood_rebinds_total{reason=\"Draining\"} 0\n"),
                    HasSubstr("fumehood_commands_ended_total{reason=\"Cancelled\"} 1\n"),
                    HasSubstr("fumehood_commands_ended_total{reason=\"Other\"} 1\n"),
                    HasSubstr("fumehood_executor_losses_total 1\n"),
                    HasSubstr("fumehood_deleted_total{cause=\"namespace_limit\"} 1\n"),
                    HasSubstr("fumehood_deleted_total{cause=\"ttl\"} 0\n"), HasSubstr("stale_sync_skips_total 1\n")));
}

TEST_F(ControllerMetricsTest, StatesReplaceThoseBefore) {
  counted_.SetWaiting({{"Queued", 3}, {"ImageNotFound", 1}});
  counted_.SetWaiting({{"Queued", 2}, {"New", 4}, {"Newer", 1}});
  counted_.SetExecutors({.ready = 5, .not_ready = 1, .lost = 2});
  counted_.SetFinished({.commands = 10, .bytes = 4'096});
  counted_.SetEventsDropped(2);
  counted_.SetEventsDropped(5);
  counted_.SetLeadership(ControllerMetrics::Leadership::kLeads);
  EXPECT_THAT(metrics_.Render(),
              AllOf(HasSubstr("fumehood_commands_waiting{reason=\"Queued\"} 2\n"),
                    HasSubstr("fumehood_commands_waiting{reason=\"ImageNotFound\"} 0\n"),
                    HasSubstr("fumehood_commands_waiting{reason=\"Other\"} 5\n"),
                    HasSubstr("fumehood_executors{state=\"ready\"} 5\n"),
                    HasSubstr("fumehood_executors{state=\"not_ready\"} 1\n"),
                    HasSubstr("fumehood_executors{state=\"lost\"} 2\n"), HasSubstr("fumehood_finished_commands 10\n"),
                    HasSubstr("fumehood_finished_bytes 4096\n"), HasSubstr("fumehood_events_dropped_total 5\n"),
                    HasSubstr("leader_election_master_status{name=\"fumehood-controller\"} 1\n")));
  counted_.SetLeadership(ControllerMetrics::Leadership::kStandsBy);
  EXPECT_THAT(metrics_.Render(), HasSubstr("leader_election_master_status{name=\"fumehood-controller\"} 0\n"));
}

}  // namespace
}  // namespace fumehood::controller
