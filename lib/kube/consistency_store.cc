#include "lib/kube/consistency_store.h"

#include <algorithm>

namespace fumehood::kube {
namespace {

bool IsResourceVersion(std::string_view text) {
  return !text.empty() && text.front() != '0' && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

}  // namespace

std::optional<std::strong_ordering> CompareResourceVersions(std::string_view a, std::string_view b) {
  if (!IsResourceVersion(a) || !IsResourceVersion(b)) return std::nullopt;
  // Without leading zeros the longer number is the greater one.
  return a.size() == b.size() ? a <=> b : a.size() <=> b.size();
}

void ConsistencyStore::WroteAt(const std::string& uid, const std::string& resource_version) {
  if (!IsResourceVersion(resource_version)) return;
  std::lock_guard lock(mutex_);
  std::string& written = written_[uid];
  if (written.empty() || CompareResourceVersions(written, resource_version) == std::strong_ordering::less) {
    written = resource_version;
  }
}

bool ConsistencyStore::IsBehind(const std::string& uid, std::string_view seen) {
  std::lock_guard lock(mutex_);
  const auto written = written_.find(uid);
  if (written == written_.end()) return false;
  const bool behind = CompareResourceVersions(seen, written->second) == std::strong_ordering::less;
  if (behind) ++skips_;
  return behind;
}

void ConsistencyStore::Forget(const std::string& uid) {
  std::lock_guard lock(mutex_);
  written_.erase(uid);
}

}  // namespace fumehood::kube
