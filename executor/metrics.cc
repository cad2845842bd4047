#include "executor/metrics.h"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>

#include <array>

#include "lib/api/names.h"
#include "lib/service/metrics.h"

namespace fumehood::executor {
namespace {

using service::Metrics;

constexpr std::array kEndings = {api::reason::kExitedZero,       api::reason::kExitedNonZero,
                                 api::reason::kSignaled,         api::reason::kSandboxTerminated,
                                 api::reason::kDeadlineExceeded, api::reason::kCancelled,
                                 api::reason::kCommandNotFound,  api::reason::kRepositoryUnavailable,
                                 api::reason::kImageNotFound,    api::reason::kInvalidSpec,
                                 service::kOtherReason};

constexpr std::array kHandBacks = {api::reason::kRejected, api::reason::kDraining, api::reason::kExecutorLost,
                                   service::kOtherReason};

// A sandbox starts in tens of milliseconds, warm in less.
const Metrics::Buckets kStartupSeconds = {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30};
// Up to the longest time limit.
const Metrics::Buckets kRunSeconds = {0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5,   1,
                                      2.5,   5,    10,    30,   60,  300,  1'800, 3'600};
// One write, or many while the API server is away.
const Metrics::Buckets kReportSeconds = {0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5,
                                         1,      2.5,   5,    10,    30,   60,  300,  1'800};

constexpr char kSandboxesHelp[] = "Commands that were started, by whether a sandbox waited for them.";

double Seconds(std::chrono::nanoseconds duration) { return std::chrono::duration<double>(duration).count(); }

}  // namespace

ExecutorMetrics::Running::Running(prometheus::Gauge& gauge) : gauge_(gauge) { gauge_.Increment(); }
ExecutorMetrics::Running::~Running() { gauge_.Decrement(); }

ExecutorMetrics::ExecutorMetrics(Metrics& metrics, int64_t slots)
    : running_(metrics.AddGauge("fumehood_running", "Attempts under way.")),
      startup_(metrics.AddHistogram("fumehood_startup_seconds", "From taking a command to its start in the sandbox.",
                                    kStartupSeconds)),
      run_(metrics.AddHistogram("fumehood_run_seconds", "From a command's start to its end.", kRunSeconds)),
      report_(metrics.AddHistogram("fumehood_report_seconds", "From an attempt's end until its report was settled.",
                                   kReportSeconds)),
      reports_pending_(metrics.AddGauge("fumehood_reports_pending", "Attempts that ended and are not reported yet.")),
      ledger_healthy_(metrics.AddGauge("fumehood_ledger_healthy", "1 while the ledger can be written, else 0.")),
      lease_held_(metrics.AddGauge("fumehood_lease_held", "1 while this executor holds its node's lease, else 0.")),
      warm_sandboxes_(metrics.AddGauge("fumehood_warm_sandboxes", "Sandboxes that wait for commands.")),
      warm_starts_(metrics.AddCounter("fumehood_sandboxes_total", kSandboxesHelp, {{"start", "warm"}})),
      cold_starts_(metrics.AddCounter("fumehood_sandboxes_total", kSandboxesHelp, {{"start", "cold"}})) {
  metrics.AddGauge("fumehood_slots", "Commands that may run at once.").Set(static_cast<double>(slots));
  for (const std::string_view reason : kEndings) {
    attempts_[std::string(reason)] = &metrics.AddCounter("fumehood_attempts_total", "Attempts that ended, by how.",
                                                         {{"reason", std::string(reason)}});
  }
  for (const std::string_view reason : kHandBacks) {
    handed_back_[std::string(reason)] =
        &metrics.AddCounter("fumehood_handed_back_total", "Attempts without a result that were handed back, by why.",
                            {{"reason", std::string(reason)}});
  }
}

void ExecutorMetrics::AttemptEnded(std::string_view reason) { service::ByReason(attempts_, reason).Increment(); }
void ExecutorMetrics::HandedBack(std::string_view reason) { service::ByReason(handed_back_, reason).Increment(); }

void ExecutorMetrics::CommandRan(std::chrono::nanoseconds startup, std::chrono::nanoseconds run, SandboxStart start) {
  (start == SandboxStart::kWarm ? warm_starts_ : cold_starts_).Increment();
  startup_.Observe(Seconds(startup));
  run_.Observe(Seconds(run));
}

void ExecutorMetrics::Reported(std::chrono::nanoseconds after_end) { report_.Observe(Seconds(after_end)); }
void ExecutorMetrics::SetReportsPending(int64_t reports) { reports_pending_.Set(static_cast<double>(reports)); }
void ExecutorMetrics::SetLedgerHealthy(bool healthy) { ledger_healthy_.Set(healthy ? 1 : 0); }
void ExecutorMetrics::SetWarmSandboxes(size_t waiting) { warm_sandboxes_.Set(static_cast<double>(waiting)); }
void ExecutorMetrics::SetLeaseHeld(bool held) { lease_held_.Set(held ? 1 : 0); }

}  // namespace fumehood::executor
