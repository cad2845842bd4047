#include "lib/service/metrics.h"

#include <prometheus/text_serializer.h>

#include <utility>

#include "lib/service/process_usage.h"

namespace fumehood::service {

Metrics::Metrics() {
  AddGauge("fumehood_build_info", "1, with the version of this program.", {{"version", FUMEHOOD_VERSION}}).Set(1);

  auto& cpu = AddCounter("process_cpu_seconds_total", "Total user and system CPU time spent in seconds.");
  auto& resident = AddGauge("process_resident_memory_bytes", "Resident memory size in bytes.");
  auto& virtual_memory = AddGauge("process_virtual_memory_bytes", "Virtual memory size in bytes.");
  auto& open_fds = AddGauge("process_open_fds", "Number of open file descriptors.");
  auto& max_fds = AddGauge("process_max_fds", "Maximum number of open file descriptors.");
  auto& threads = AddGauge("process_threads", "Number of threads.");
  auto& start = AddGauge("process_start_time_seconds", "Start time of the process since unix epoch in seconds.");
  OnRender([&] {
    const ProcessUsage usage = ReadProcessUsage();
    cpu.Increment(usage.cpu_seconds - cpu.Value());
    resident.Set(usage.resident_bytes);
    virtual_memory.Set(usage.virtual_bytes);
    open_fds.Set(usage.open_fds);
    max_fds.Set(usage.max_fds);
    threads.Set(usage.threads);
    start.Set(usage.start_time_seconds);
  });
}

prometheus::Counter& Metrics::AddCounter(const std::string& name, const std::string& help,
                                         const prometheus::Labels& labels) {
  return prometheus::BuildCounter().Name(name).Help(help).Register(registry_).Add(labels);
}

prometheus::Gauge& Metrics::AddGauge(const std::string& name, const std::string& help,
                                     const prometheus::Labels& labels) {
  return prometheus::BuildGauge().Name(name).Help(help).Register(registry_).Add(labels);
}

prometheus::Histogram& Metrics::AddHistogram(const std::string& name, const std::string& help, const Buckets& buckets,
                                             const prometheus::Labels& labels) {
  return prometheus::BuildHistogram().Name(name).Help(help).Register(registry_).Add(labels, buckets);
}

void Metrics::OnRender(std::function<void()> update) {
  const std::lock_guard lock(mutex_);
  updates_.push_back(std::move(update));
}

std::string Metrics::Render() {
  const std::lock_guard lock(mutex_);
  for (const auto& update : updates_) update();
  return prometheus::TextSerializer().Serialize(registry_.Collect());
}

}  // namespace fumehood::service
