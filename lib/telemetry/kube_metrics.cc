#include "lib/telemetry/kube_metrics.h"

#include <string_view>
#include <utility>

namespace fumehood::telemetry {
namespace {

using prometheus::Labels;
using service::Metrics;

// component-base/metrics/prometheus/restclient/metrics.go
const Metrics::Buckets kRequestSeconds = {0.005, 0.025, 0.1, 0.25, 0.5, 1, 2, 4, 8, 15, 30, 60};
const Metrics::Buckets kBodyBytes = {64,     256,     512,       1'024,     4'096,     16'384,
                                     65'536, 262'144, 1'048'576, 4'194'304, 16'777'216};
// component-base/metrics/prometheus/workqueue/metrics.go: 10 ns, times 10, twelve of them
const Metrics::Buckets kQueueSeconds = {1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 0.1, 1, 10, 100, 1'000};
// controller-runtime/pkg/internal/controller/metrics/metrics.go
const Metrics::Buckets kReconcileSeconds = {
    0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.25, 1.5,
    1.75,  2.0,  2.5,   3.0,  3.5, 4.0,  4.5, 5,    6,   7,    8,   9,    10,  15,  20,  25,  30,  40,  50,   60};

// A watch is a verb of its own: how long it takes to begin says nothing about how long a read takes.
constexpr std::string_view kWatchVerb = "WATCH";

std::string_view MethodName(kube::HttpMethod method) {
  switch (method) {
    case kube::HttpMethod::kGet: return "GET";
    case kube::HttpMethod::kPost: return "POST";
    case kube::HttpMethod::kPatch: return "PATCH";
    case kube::HttpMethod::kPut: return "PUT";
    case kube::HttpMethod::kDelete: break;
  }
  return "DELETE";
}

double Seconds(std::chrono::nanoseconds duration) { return std::chrono::duration<double>(duration).count(); }

// controller-runtime names a queue after its controller.
Labels QueueLabels(const std::string& name) { return {{"name", name}, {"controller", name}}; }

prometheus::Counter& AddResult(Metrics& metrics, const std::string& controller, const std::string& result) {
  return metrics.AddCounter("controller_runtime_reconcile_total", "Reconciliations by their result.",
                            {{"controller", controller}, {"result", result}});
}

}  // namespace

RestClientMetrics::RestClientMetrics(Metrics& metrics, std::string host) : metrics_(metrics), host_(std::move(host)) {
  using enum kube::HttpMethod;
  for (const std::string_view verb :
       {MethodName(kGet), MethodName(kPost), MethodName(kPatch), MethodName(kPut), MethodName(kDelete), kWatchVerb}) {
    const Labels labels = {{"verb", std::string(verb)}, {"host", host_}};
    by_verb_[verb] = {.duration = &metrics.AddHistogram("rest_client_request_duration_seconds",
                                                        "Until the answer was there; of a watch, until it began.",
                                                        kRequestSeconds, labels),
                      .request_size = &metrics.AddHistogram("rest_client_request_size_bytes", "Bodies of requests.",
                                                            kBodyBytes, labels),
                      .response_size = &metrics.AddHistogram("rest_client_response_size_bytes",
                                                             "Bodies of answers, watches aside.", kBodyBytes, labels)};
  }
}

void RestClientMetrics::OnExchange(const kube::ObservedExchange& exchange) {
  const std::string_view method = MethodName(exchange.method);
  // The one family whose labels can't be known before: which codes a server answers with.
  metrics_
      .AddCounter("rest_client_requests_total", "Requests by the status that answered them; <error> is no answer.",
                  {{"code", exchange.status ? std::to_string(*exchange.status) : "<error>"},
                   {"method", std::string(method)},
                   {"host", host_}})
      .Increment();
  const bool watch = exchange.traffic == kube::TrafficClass::kWatch;
  const Families& families = by_verb_.at(watch ? kWatchVerb : method);
  families.duration->Observe(Seconds(exchange.duration));
  if (watch) return;
  families.request_size->Observe(static_cast<double>(exchange.request_bytes));
  families.response_size->Observe(static_cast<double>(exchange.response_bytes));
}

WorkQueueMetrics::WorkQueueMetrics(Metrics& metrics, const std::string& name)
    : metrics_(metrics),
      depth_(metrics.AddGauge("workqueue_depth", "Keys that wait in the queue.", QueueLabels(name))),
      adds_(metrics.AddCounter("workqueue_adds_total", "Keys that came to wait.", QueueLabels(name))),
      retries_(metrics.AddCounter("workqueue_retries_total", "Keys that were put off.", QueueLabels(name))),
      waited_(metrics.AddHistogram("workqueue_queue_duration_seconds", "How long a key waited in the queue.",
                                   kQueueSeconds, QueueLabels(name))),
      worked_(metrics.AddHistogram("workqueue_work_duration_seconds", "How long the work on a key took.", kQueueSeconds,
                                   QueueLabels(name))),
      unfinished_(metrics.AddGauge("workqueue_unfinished_work_seconds",
                                   "How long all keys in hand have been worked on, in sum.", QueueLabels(name))),
      longest_(metrics.AddGauge("workqueue_longest_running_processor_seconds",
                                "How long the oldest key in hand has been worked on.", QueueLabels(name))) {}

void WorkQueueMetrics::OnAdded() { adds_.Increment(); }
void WorkQueueMetrics::OnDelayed() { retries_.Increment(); }
void WorkQueueMetrics::OnTaken(std::chrono::nanoseconds waited) { waited_.Observe(Seconds(waited)); }
void WorkQueueMetrics::OnDone(std::chrono::nanoseconds worked) { worked_.Observe(Seconds(worked)); }

void WorkQueueMetrics::SetState(size_t depth, std::chrono::nanoseconds unfinished, std::chrono::nanoseconds longest) {
  depth_.Set(static_cast<double>(depth));
  unfinished_.Set(Seconds(unfinished));
  longest_.Set(Seconds(longest));
}

ReconcileMetrics::ReconcileMetrics(Metrics& metrics, const std::string& controller)
    : success_(AddResult(metrics, controller, "success")),
      requeue_(AddResult(metrics, controller, "requeue")),
      requeue_after_(AddResult(metrics, controller, "requeue_after")),
      error_(AddResult(metrics, controller, "error")),
      errors_(metrics.AddCounter("controller_runtime_reconcile_errors_total", "Reconciliations that failed.",
                                 {{"controller", controller}})),
      time_(metrics.AddHistogram("controller_runtime_reconcile_time_seconds", "How long a reconciliation took.",
                                 kReconcileSeconds, {{"controller", controller}})),
      max_concurrent_(metrics.AddGauge("controller_runtime_max_concurrent_reconciles",
                                       "Reconciliations at once, at most.", {{"controller", controller}})),
      active_(metrics.AddGauge("controller_runtime_active_workers", "Reconciliations under way.",
                               {{"controller", controller}})) {}

void ReconcileMetrics::OnWorkersStarted(int count) { max_concurrent_.Set(count); }
void ReconcileMetrics::OnReconcileBegins() { active_.Increment(); }

void ReconcileMetrics::OnReconcileEnds(kube::ReconcileResult result, std::chrono::nanoseconds duration) {
  active_.Decrement();
  ResultCounter(result).Increment();
  if (result == kube::ReconcileResult::kError) errors_.Increment();
  time_.Observe(Seconds(duration));
}

prometheus::Counter& ReconcileMetrics::ResultCounter(kube::ReconcileResult result) {
  switch (result) {
    case kube::ReconcileResult::kSuccess: return success_;
    case kube::ReconcileResult::kRequeue: return requeue_;
    case kube::ReconcileResult::kRequeueAfter: return requeue_after_;
    case kube::ReconcileResult::kError: break;
  }
  return error_;
}

}  // namespace fumehood::telemetry
