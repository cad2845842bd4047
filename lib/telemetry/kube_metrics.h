// What the kube runtime does, as the metrics that client-go and controller-runtime have under the same names, so that
// dashboards and alerts made for those work here.
//
// Each of these must outlive whom it observes, and is outlived by the Metrics it was made from.
#pragma once

#include <chrono>
#include <map>
#include <string>
#include <string_view>

#include "lib/kube/observers.h"
#include "lib/kube/work_queue.h"
#include "lib/service/metrics.h"

namespace fumehood::telemetry {

// rest_client_*: one server's requests.
class RestClientMetrics final : public kube::TransportObserver {
 public:
  // `host`: of the API server, with its port.
  RestClientMetrics(service::Metrics& metrics, std::string host);

  void OnExchange(const kube::ObservedExchange& exchange) override;

 private:
  struct Families {
    prometheus::Histogram* duration = nullptr;
    prometheus::Histogram* request_size = nullptr;
    prometheus::Histogram* response_size = nullptr;
  };

  service::Metrics& metrics_;
  const std::string host_;
  std::map<std::string_view, Families> by_verb_;  // as the constructor made it
};

// workqueue_*: one queue.
//   WorkQueueMetrics observer(metrics, "commands");
//   kube::WorkQueue<Key> queue(clock, {}, &observer);
//   observer.LookAt(queue);
class WorkQueueMetrics final : public kube::WorkQueueObserver {
 public:
  WorkQueueMetrics(service::Metrics& metrics, const std::string& name);

  // Depth and unfinished work are looked up whenever the metrics are rendered; the queue must outlive the last time.
  template <typename Key>
  void LookAt(const kube::WorkQueue<Key>& queue) {
    metrics_.OnRender([this, &queue] {
      const auto unfinished = queue.unfinished();
      SetState(queue.size(), unfinished.total, unfinished.longest);
    });
  }

  void OnAdded() override;
  void OnDelayed() override;
  void OnTaken(std::chrono::nanoseconds waited) override;
  void OnDone(std::chrono::nanoseconds worked) override;

 private:
  void SetState(size_t depth, std::chrono::nanoseconds unfinished, std::chrono::nanoseconds longest);

  service::Metrics& metrics_;
  prometheus::Gauge& depth_;
  prometheus::Counter& adds_;
  prometheus::Counter& retries_;
  prometheus::Histogram& waited_;
  prometheus::Histogram& worked_;
  prometheus::Gauge& unfinished_;
  prometheus::Gauge& longest_;
};

// controller_runtime_*: one set of workers.
class ReconcileMetrics final : public kube::WorkersObserver {
 public:
  ReconcileMetrics(service::Metrics& metrics, const std::string& controller);

  void OnWorkersStarted(int count) override;
  void OnReconcileBegins() override;
  void OnReconcileEnds(kube::ReconcileResult result, std::chrono::nanoseconds duration) override;

 private:
  prometheus::Counter& ResultCounter(kube::ReconcileResult result);

  prometheus::Counter& success_;
  prometheus::Counter& requeue_;
  prometheus::Counter& requeue_after_;
  prometheus::Counter& error_;
  prometheus::Counter& errors_;
  prometheus::Histogram& time_;
  prometheus::Gauge& max_concurrent_;
  prometheus::Gauge& active_;
};

}  // namespace fumehood::telemetry
