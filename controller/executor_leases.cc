#include "controller/executor_leases.h"

#include <algorithm>
#include <utility>

#include "lib/api/names.h"

namespace fumehood::controller {
namespace {

using std::chrono::seconds;

// Whatever a Lease says, a loss takes at least one renewal and at most a quarter of an hour to be noticed.
constexpr seconds kShortestDuration{1};
constexpr seconds kLongestDuration{900};

}  // namespace

std::string_view NodeOfLease(std::string_view lease_name) {
  return lease_name.starts_with(api::kExecutorLeasePrefix) ? lease_name.substr(api::kExecutorLeasePrefix.size())
                                                           : std::string_view();
}

void ExecutorLeases::BeginAnewLocked() {
  if (!interrupted_) return;
  interrupted_ = false;
  for (auto& [node_name, executor] : executors_) {
    executor.changed = seen_;
    executor.loss_told = false;
  }
  next_end_ = seen_;
}

void ExecutorLeases::LookLocked(const std::string& node_name, Executor& executor) {
  const bool alive = IsAliveLocked(executor);
  if (std::exchange(executor.alive, alive) != alive) turned_.insert(node_name);
  if (alive) next_end_ = std::min(next_end_, executor.changed + executor.duration);
}

void ExecutorLeases::SeeLocked(SteadyTime now) {
  seen_ = now;
  BeginAnewLocked();
  if (seen_ < next_end_) return;
  next_end_ = SteadyTime::max();
  for (auto& [node_name, executor] : executors_) LookLocked(node_name, executor);
}

void ExecutorLeases::Observe(const kube::Lease& lease, SteadyTime now) {
  std::lock_guard lock(mutex_);
  SeeLocked(now);
  const std::string node_name(NodeOfLease(lease.metadata.name));
  if (node_name.empty()) return;
  Executor& executor = executors_[node_name];
  if (executor.has_lease && executor.holder == lease.holder_identity && executor.renew_time == lease.renew_time) return;
  executor = {.holder = lease.holder_identity,
              .renew_time = lease.renew_time,
              .duration = std::clamp(lease.duration.value_or(kDefaultDuration), kShortestDuration, kLongestDuration),
              .has_lease = true,
              .changed = now,
              .loss_told = false,
              .alive = executor.alive};
  LookLocked(node_name, executor);
}

void ExecutorLeases::ObserveDeleted(const kube::Lease& lease, SteadyTime now) {
  std::lock_guard lock(mutex_);
  SeeLocked(now);
  const auto executor = executors_.find(std::string(NodeOfLease(lease.metadata.name)));
  if (executor == executors_.end()) return;
  executor->second.has_lease = false;
  LookLocked(executor->first, executor->second);
}

void ExecutorLeases::OnInterrupted() {
  std::lock_guard lock(mutex_);
  interrupted_ = true;
}

void ExecutorLeases::Expect(const std::string& node_name, SteadyTime now) {
  std::lock_guard lock(mutex_);
  const auto [executor, is_new] = executors_.try_emplace(node_name);
  if (is_new) executor->second.changed = now;
}

bool ExecutorLeases::IsAlive(const std::string& node_name) const {
  std::lock_guard lock(mutex_);
  const auto executor = executors_.find(node_name);
  return executor != executors_.end() && IsAliveLocked(executor->second);
}

bool ExecutorLeases::IsLost(const std::string& node_name) const {
  std::lock_guard lock(mutex_);
  const auto executor = executors_.find(node_name);
  return executor != executors_.end() && IsLostLocked(executor->second);
}

std::vector<std::string> ExecutorLeases::TakeTurned() {
  std::lock_guard lock(mutex_);
  std::vector<std::string> turned(turned_.begin(), turned_.end());
  turned_.clear();
  return turned;
}

std::vector<std::string> ExecutorLeases::TakeNewlyLost() {
  std::lock_guard lock(mutex_);
  std::vector<std::string> lost;
  for (auto& [node_name, executor] : executors_) {
    if (executor.loss_told || !IsLostLocked(executor)) continue;
    executor.loss_told = true;
    lost.push_back(node_name);
  }
  return lost;
}

}  // namespace fumehood::controller
