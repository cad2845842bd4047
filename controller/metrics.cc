#include "controller/metrics.h"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>

#include <array>

#include "lib/api/names.h"
#include "lib/service/metrics.h"

namespace fumehood::controller {
namespace {

using service::Metrics;

// From a bind at once to hours in the queue.
const Metrics::Buckets kBindSeconds = {0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5,   1,
                                       2.5,   5,    10,    30,   60,  300,  1'800, 7'200};

// With which the controller itself ends commands.
constexpr std::array kEndReasons = {api::reason::kCancelled, api::reason::kInvalidSpec,
                                    api::reason::kRepositoryUnavailable, api::reason::kExecutorLost,
                                    service::kOtherReason};
constexpr std::array kWaitReasons = {api::reason::kQueued,
                                     api::reason::kQuotaExceeded,
                                     api::reason::kNoExecutorAvailable,
                                     api::reason::kRuntimeClassNotFound,
                                     api::reason::kImageNotFound,
                                     api::reason::kRejected,
                                     service::kOtherReason};

prometheus::Counter& AddRebind(Metrics& metrics, std::string_view reason) {
  return metrics.AddCounter("fumehood_rebinds_total", "Commands bound again, by what became of the attempt before.",
                            {{"reason", std::string(reason)}});
}

prometheus::Gauge& AddExecutors(Metrics& metrics, const std::string& state) {
  return metrics.AddGauge("fumehood_executors", "Executors by their state.", {{"state", state}});
}

prometheus::Counter& AddDeleted(Metrics& metrics, const std::string& cause) {
  return metrics.AddCounter("fumehood_deleted_total", "Finished commands that were deleted, by why.",
                            {{"cause", cause}});
}

}  // namespace

ControllerMetrics::ControllerMetrics(Metrics& metrics, const std::string& lease)
    : bound_(metrics.AddCounter("fumehood_commands_bound_total", "Commands bound to an executor, each attempt once.")),
      bind_duration_(metrics.AddHistogram("fumehood_bind_duration_seconds",
                                          "From the first look at a command to its first binding.", kBindSeconds)),
      rebound_after_rejection_(AddRebind(metrics, api::reason::kRejected)),
      rebound_after_drain_(AddRebind(metrics, api::reason::kDraining)),
      rebound_after_loss_(AddRebind(metrics, api::reason::kExecutorLost)),
      executor_losses_(metrics.AddCounter("fumehood_executor_losses_total", "Executors that were taken for lost.")),
      ready_(AddExecutors(metrics, "ready")),
      not_ready_(AddExecutors(metrics, "not_ready")),
      lost_(AddExecutors(metrics, "lost")),
      deleted_by_ttl_(AddDeleted(metrics, "ttl")),
      deleted_by_namespace_limit_(AddDeleted(metrics, "namespace_limit")),
      deleted_by_total_limit_(AddDeleted(metrics, "total_limit")),
      finished_commands_(metrics.AddGauge("fumehood_finished_commands", "Finished commands that are kept.")),
      finished_bytes_(metrics.AddGauge("fumehood_finished_bytes", "Size of the finished commands that are kept.")),
      stale_sync_skips_(metrics.AddCounter("stale_sync_skips_total",
                                           "Decisions put off, as the watch had not shown our own write yet.")),
      events_dropped_(metrics.AddCounter("fumehood_events_dropped_total",
                                         "Events that were not looked at, as too many were waiting.")),
      leads_(
          metrics.AddGauge("leader_election_master_status", "1 while this process leads, else 0.", {{"name", lease}})) {
  for (const std::string_view reason : kEndReasons) {
    ended_[std::string(reason)] =
        &metrics.AddCounter("fumehood_commands_ended_total", "Commands that the controller ended, without a run.",
                            {{"reason", std::string(reason)}});
  }
  for (const std::string_view reason : kWaitReasons) {
    waiting_[std::string(reason)] = &metrics.AddGauge(
        "fumehood_commands_waiting", "Commands that can't start now, by why.", {{"reason", std::string(reason)}});
  }
}

void ControllerMetrics::CommandBound(std::optional<std::chrono::nanoseconds> since_first_look) {
  bound_.Increment();
  if (since_first_look) bind_duration_.Observe(std::chrono::duration<double>(*since_first_look).count());
}

void ControllerMetrics::CommandEnded(std::string_view reason) { service::ByReason(ended_, reason).Increment(); }

void ControllerMetrics::CommandRebound(RebindCause cause) {
  switch (cause) {
    case RebindCause::kRejected: return rebound_after_rejection_.Increment();
    case RebindCause::kDraining: return rebound_after_drain_.Increment();
    case RebindCause::kExecutorLost: return rebound_after_loss_.Increment();
  }
}

void ControllerMetrics::ExecutorLost() { executor_losses_.Increment(); }

void ControllerMetrics::CommandDeleted(DeletionCause cause) {
  switch (cause) {
    case DeletionCause::kTtl: return deleted_by_ttl_.Increment();
    case DeletionCause::kNamespaceLimit: return deleted_by_namespace_limit_.Increment();
    case DeletionCause::kTotalLimit: return deleted_by_total_limit_.Increment();
  }
}

void ControllerMetrics::StaleSyncSkipped() { stale_sync_skips_.Increment(); }

void ControllerMetrics::SetWaiting(const std::map<std::string_view, int64_t>& commands_by_reason) {
  std::map<prometheus::Gauge*, int64_t> counts;
  for (const auto& [reason, gauge] : waiting_) counts[gauge] = 0;
  for (const auto& [reason, commands] : commands_by_reason) counts[&service::ByReason(waiting_, reason)] += commands;
  for (const auto& [gauge, commands] : counts) gauge->Set(static_cast<double>(commands));
}

void ControllerMetrics::SetExecutors(const Executors& executors) {
  ready_.Set(static_cast<double>(executors.ready));
  not_ready_.Set(static_cast<double>(executors.not_ready));
  lost_.Set(static_cast<double>(executors.lost));
}

void ControllerMetrics::SetFinished(const Finished& kept) {
  finished_commands_.Set(static_cast<double>(kept.commands));
  finished_bytes_.Set(static_cast<double>(kept.bytes));
}

void ControllerMetrics::SetEventsDropped(uint64_t total) {
  events_dropped_.Increment(static_cast<double>(total) - events_dropped_.Value());
}

void ControllerMetrics::SetLeadership(Leadership leadership) { leads_.Set(leadership == Leadership::kLeads ? 1 : 0); }

}  // namespace fumehood::controller
