#pragma once

#include <atomic>
#include <compare>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

namespace fumehood::kube {

// Compares two resourceVersions of one kind of object, which are decimal integers of any length without leading zeros
// (KEP-5504). Nothing where one of them isn't such a number above 0.
std::optional<std::strong_ordering> CompareResourceVersions(std::string_view a, std::string_view b);

// Which version of each object we wrote ourselves, so that nothing is decided by a watch that hasn't brought it yet
// (the idea is KEP-5647's). Never blocks for a version that can't be compared. Safe to use from several threads.
class ConsistencyStore {
 public:
  // A write of ours was answered with this version. An older one than is known already changes nothing.
  void WroteAt(const std::string& uid, const std::string& resource_version);
  // Whether `seen`, the version that a watch or a list brought, is older than what we wrote: look again when the next
  // one comes. Counts those times.
  bool IsBehind(const std::string& uid, std::string_view seen);
  // The object is gone. Without this the store grows by one entry for each object that was ever written.
  void Forget(const std::string& uid);

  // How often IsBehind was true.
  uint64_t skips() const { return skips_.load(); }

 private:
  std::mutex mutex_;  // guards what follows
  std::map<std::string, std::string> written_;

  std::atomic<uint64_t> skips_ = 0;
};

}  // namespace fumehood::kube
