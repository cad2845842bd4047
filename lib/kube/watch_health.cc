#include "lib/kube/watch_health.h"

namespace fumehood::kube {

void WatchHealth::OnConnected() {
  const std::lock_guard lock(mutex_);
  synced_ = true;
  broken_since_.reset();
}

void WatchHealth::OnDisconnected(SteadyTime now) {
  const std::lock_guard lock(mutex_);
  if (!broken_since_) broken_since_ = now;
}

Status WatchHealth::Check(SteadyTime now, std::chrono::milliseconds limit) const {
  const std::lock_guard lock(mutex_);
  if (!synced_) return Fail(ErrorCode::kUnavailable, "not synced yet");
  if (!broken_since_ || now - *broken_since_ <= limit) return {};
  return Fail(ErrorCode::kUnavailable, "no connection for {} s",
              std::chrono::floor<std::chrono::seconds>(now - *broken_since_).count());
}

}  // namespace fumehood::kube
