#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
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

namespace fumehood::controller {

// Why a command that was bound is bound again.
enum class RebindCause { kRejected, kDraining, kExecutorLost };

// Why a finished command is deleted.
enum class DeletionCause { kTtl, kNamespaceLimit, kTotalLimit };

// What the controller does, as metrics; docs/metrics.md has them all. Safe to use from several threads; outlived by the
// Metrics it was made from. A reason that is none of the API's counts as "Other".
class ControllerMetrics {
 public:
  // `lease`: the name of the Lease by which the leader is elected.
  ControllerMetrics(service::Metrics& metrics, const std::string& lease);

  // `since_first_look`: of a first binding; nothing for a later one, which its attempts before have delayed.
  void CommandBound(std::optional<std::chrono::nanoseconds> since_first_look);
  // Ended by the controller, without a result of an executor.
  void CommandEnded(std::string_view reason);
  void CommandRebound(RebindCause cause);
  void ExecutorLost();
  void CommandDeleted(DeletionCause cause);
  // A decision put off, since the watch has not shown yet what we wrote.
  void StaleSyncSkipped();

  // What is so now.
  void SetWaiting(const std::map<std::string_view, int64_t>& commands_by_reason);  // those left out are 0
  struct Executors {
    int64_t ready = 0;
    int64_t not_ready = 0;
    int64_t lost = 0;
  };
  void SetExecutors(const Executors& executors);
  struct Finished {
    int64_t commands = 0;
    int64_t bytes = 0;
  };
  void SetFinished(const Finished& kept);
  // So many in all, since the start.
  void SetEventsDropped(uint64_t total);
  enum class Leadership { kLeads, kStandsBy };
  void SetLeadership(Leadership leadership);

 private:
  using Counters = std::map<std::string, prometheus::Counter*, std::less<>>;
  using Gauges = std::map<std::string, prometheus::Gauge*, std::less<>>;

  prometheus::Counter& bound_;
  prometheus::Histogram& bind_duration_;
  Counters ended_;
  Gauges waiting_;
  prometheus::Counter& rebound_after_rejection_;
  prometheus::Counter& rebound_after_drain_;
  prometheus::Counter& rebound_after_loss_;
  prometheus::Counter& executor_losses_;
  prometheus::Gauge& ready_;
  prometheus::Gauge& not_ready_;
  prometheus::Gauge& lost_;
  prometheus::Counter& deleted_by_ttl_;
  prometheus::Counter& deleted_by_namespace_limit_;
  prometheus::Counter& deleted_by_total_limit_;
  prometheus::Gauge& finished_commands_;
  prometheus::Gauge& finished_bytes_;
  prometheus::Counter& stale_sync_skips_;
  prometheus::Counter& events_dropped_;
  prometheus::Gauge& leads_;
};

}  // namespace fumehood::controller
