#include "lib/telemetry/kube_metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "lib/kube/work_queue.h"
#include "tests/fakes/fake_clock.h"
#include "tests/metrics_document.h"

namespace fumehood::telemetry {
namespace {

using std::chrono::milliseconds;
using testing::AllOf;
using testing::HasSubstr;

TEST(RestClientMetricsTest, CountsAnswersAndFailures) {
  service::Metrics metrics;
  RestClientMetrics rest(metrics, "api:6443");
  rest.OnExchange({.method = kube::HttpMethod::kPatch,
                   .traffic = kube::TrafficClass::kWrite,
                   .status = 409,
                   .duration = milliseconds(20),
                   .request_bytes = 100,
                   .response_bytes = 300});
  rest.OnExchange({.method = kube::HttpMethod::kPatch, .traffic = kube::TrafficClass::kWrite});
  EXPECT_THAT(
      metrics.Render(),
      AllOf(HasSubstr("rest_client_requests_total{code=\"409\",host=\"api:6443\",method=\"PATCH\"} 1\n"),
            HasSubstr("rest_client_requests_total{code=\"<error>\",host=\"api:6443\",method=\"PATCH\"} 1\n"),
            HasSubstr("rest_client_request_duration_seconds_bucket{host=\"api:6443\",verb=\"PATCH\",le=\"0.025\"} 2\n"),
            HasSubstr("rest_client_request_size_bytes_sum{host=\"api:6443\",verb=\"PATCH\"} 100\n"),
            HasSubstr("rest_client_response_size_bytes_sum{host=\"api:6443\",verb=\"PATCH\"} 300\n"),
            HasSubstr("rest_client_request_duration_seconds_count{host=\"api:6443\",verb=\"DELETE\"} 0\n")));
}

TEST(RestClientMetricsTest, AWatchIsAGetAndItsOwnVerb) {
  service::Metrics metrics;
  RestClientMetrics rest(metrics, "api");
  rest.OnExchange({.traffic = kube::TrafficClass::kWatch, .status = 200});
  EXPECT_THAT(metrics.Render(),
              AllOf(HasSubstr("rest_client_requests_total{code=\"200\",host=\"api\",method=\"GET\"} 1\n"),
                    HasSubstr("rest_client_request_duration_seconds_count{host=\"api\",verb=\"WATCH\"} 1\n"),
                    HasSubstr("rest_client_request_duration_seconds_count{host=\"api\",verb=\"GET\"} 0\n"),
                    HasSubstr("rest_client_response_size_bytes_count{host=\"api\",verb=\"WATCH\"} 0\n")));
}

TEST(WorkQueueMetricsTest, FollowsTheQueue) {
  FakeClock clock;
  service::Metrics metrics;
  WorkQueueMetrics observer(metrics, "commands");
  kube::WorkQueue<std::string> queue(clock, {}, &observer);
  observer.LookAt(queue);
  const std::string labels = "{controller=\"commands\",name=\"commands\"} ";
  EXPECT_THAT(metrics.Render(), HasSubstr("workqueue_depth" + labels + "0\n"));

  queue.Add("a");
  queue.Add("b");
  queue.AddAfter("c", milliseconds(60'000));
  clock.Advance(milliseconds(2'000));
  EXPECT_EQ(queue.TryGet(), "a");
  clock.Advance(milliseconds(4'000));
  EXPECT_THAT(metrics.Render(),
              AllOf(HasSubstr("workqueue_depth" + labels + "1\n"), HasSubstr("workqueue_adds_total" + labels + "2\n"),
                    HasSubstr("workqueue_retries_total" + labels + "1\n"),
                    HasSubstr("workqueue_queue_duration_seconds_sum" + labels + "2\n"),
                    HasSubstr("workqueue_unfinished_work_seconds" + labels + "4\n"),
                    HasSubstr("workqueue_longest_running_processor_seconds" + labels + "4\n")));
  queue.Done("a");
  EXPECT_THAT(metrics.Render(), AllOf(HasSubstr("workqueue_work_duration_seconds_sum" + labels + "4\n"),
                                      HasSubstr("workqueue_unfinished_work_seconds" + labels + "0\n")));
}

TEST(ReconcileMetricsTest, CountsByResult) {
  service::Metrics metrics;
  ReconcileMetrics reconciles(metrics, "commands");
  reconciles.OnWorkersStarted(4);
  reconciles.OnReconcileBegins();
  reconciles.OnReconcileEnds(kube::ReconcileResult::kError, milliseconds(7));
  reconciles.OnReconcileBegins();
  EXPECT_THAT(
      metrics.Render(),
      AllOf(HasSubstr("controller_runtime_reconcile_total{controller=\"commands\",result=\"error\"} 1\n"),
            HasSubstr("controller_runtime_reconcile_total{controller=\"commands\",result=\"requeue_after\"} 0\n"),
            HasSubstr("controller_runtime_reconcile_errors_total{controller=\"commands\"} 1\n"),
            HasSubstr("controller_runtime_reconcile_time_seconds_bucket{controller=\"commands\",le=\"0.01\"} 1\n"),
            HasSubstr("controller_runtime_max_concurrent_reconciles{controller=\"commands\"} 4\n"),
            HasSubstr("controller_runtime_active_workers{controller=\"commands\"} 1\n")));
}

TEST(KubeMetricsTest, AreDocumented) {
  service::Metrics metrics;
  RestClientMetrics rest(metrics, "api");
  rest.OnExchange({});
  const WorkQueueMetrics queue(metrics, "commands");
  const ReconcileMetrics reconciles(metrics, "commands");
  EXPECT_EQ(RegisteredMetrics(metrics.registry()),
            DocumentedMetrics({"Any process", "Kubernetes client and work queues"}));
}

}  // namespace
}  // namespace fumehood::telemetry
