#pragma once

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/labels.h>
#include <prometheus/registry.h>

#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace fumehood::service {

// The label value of everything that has no metric of its own in a set by reason.
inline constexpr std::string_view kOtherReason = "Other";

// The metric of `reason`, or that of all others, which there must be.
template <typename Metric>
Metric& ByReason(const std::map<std::string, Metric*, std::less<>>& metrics, std::string_view reason) {
  const auto found = metrics.find(reason);
  return found == metrics.end() ? *metrics.find(kOtherReason)->second : *found->second;
}

// The metrics of this process, in Prometheus' text format. It begins with fumehood_build_info and what Prometheus'
// client libraries tell about any process (process_cpu_seconds_total and so on).
//
// Metrics are made once, at start, with every combination of their labels, so that a series which never counted is 0
// and not missing. Labels never carry what users choose: their number must not grow with the commands. What is returned
// lives as long as this object, and is safe to use from several threads; so are all the calls.
class Metrics {
 public:
  using Buckets = std::vector<double>;  // upper bounds in seconds or bytes, rising; +Inf is implied

  Metrics();

  // The same name and labels again are the same metric. `help` is the same for each of a name.
  prometheus::Counter& AddCounter(const std::string& name, const std::string& help,
                                  const prometheus::Labels& labels = {});
  prometheus::Gauge& AddGauge(const std::string& name, const std::string& help, const prometheus::Labels& labels = {});
  prometheus::Histogram& AddHistogram(const std::string& name, const std::string& help, const Buckets& buckets,
                                      const prometheus::Labels& labels = {});

  // Calls `update` before each Render, for what is looked up rather than counted. What it refers to must outlive the
  // last Render.
  void OnRender(std::function<void()> update);

  // One at a time.
  std::string Render();

  const prometheus::Registry& registry() const { return registry_; }

 private:
  prometheus::Registry registry_;
  std::mutex mutex_;  // guards what follows, and is held while it is called
  std::vector<std::function<void()>> updates_;
};

}  // namespace fumehood::service
