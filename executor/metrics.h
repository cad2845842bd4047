#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>

namespace prometheus {
class Counter;
class Gauge;
class Histogram;
}  // namespace prometheus
namespace fumehood::service {
class Metrics;
}

namespace fumehood::executor {

// Whether a command's sandbox waited for it, or was started for it.
enum class SandboxStart { kWarm, kCold };

// What the executor does, as metrics; docs/metrics.md has them all. Safe to use from several threads; outlived by the
// Metrics it was made from. A reason that is none of the API's counts as "Other".
class ExecutorMetrics {
 public:
  ExecutorMetrics(service::Metrics& metrics, int64_t slots);

  // While it lives, one command more is running.
  class Running {
   public:
    explicit Running(prometheus::Gauge& gauge);
    ~Running();
    Running(const Running&) = delete;
    Running& operator=(const Running&) = delete;

   private:
    prometheus::Gauge& gauge_;
  };
  [[nodiscard]] Running AttemptRuns() { return Running(running_); }

  // `reason`: of the condition Finished.
  void AttemptEnded(std::string_view reason);
  // Of a command that was started: from the call for it to its start, and from there to its end.
  void CommandRan(std::chrono::nanoseconds startup, std::chrono::nanoseconds run, SandboxStart start);
  // An attempt without a result. `reason`: of the condition Scheduled, as it is handed back with.
  void HandedBack(std::string_view reason);
  // From the end of an attempt until its report was accepted or superseded.
  void Reported(std::chrono::nanoseconds after_end);

  // What is so now.
  void SetReportsPending(int64_t reports);
  void SetLedgerHealthy(bool healthy);
  void SetLeaseHeld(bool held);
  void SetWarmSandboxes(size_t waiting);

 private:
  using Counters = std::map<std::string, prometheus::Counter*, std::less<>>;

  prometheus::Gauge& running_;
  prometheus::Histogram& startup_;
  prometheus::Histogram& run_;
  prometheus::Histogram& report_;
  prometheus::Gauge& reports_pending_;
  prometheus::Gauge& ledger_healthy_;
  prometheus::Gauge& lease_held_;
  prometheus::Gauge& warm_sandboxes_;
  prometheus::Counter& warm_starts_;
  prometheus::Counter& cold_starts_;
  Counters attempts_;
  Counters handed_back_;
};

}  // namespace fumehood::executor
