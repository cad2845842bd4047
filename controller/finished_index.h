#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "controller/command_key.h"
#include "lib/base/time.h"

namespace fumehood::controller {

// How many bytes of finished commands are kept, as their status.storedBytes say.
struct RetentionLimits {
  int64_t namespace_bytes = int64_t{128} << 20;
  int64_t total_bytes = int64_t{512} << 20;  // etcd keeps 2 GiB by default, for the whole cluster
};

enum class LimitKind { kNamespace, kTotal };

// The finished commands that there are, as far as we know. Not safe to share between threads.
class FinishedIndex {
 public:
  struct Entry {
    CommandKey key;
    WallTime completion_time;
    int64_t bytes = 0;
  };
  struct Excess {
    CommandKey key;
    LimitKind limit = LimitKind::kTotal;
  };

  void Put(const Entry& entry);
  void Remove(const CommandKey& key);
  // These are all that there are.
  void Replace(const std::vector<Entry>& entries);

  bool Exceeds(const RetentionLimits& limits) const;
  // What must be deleted, the oldest first, so that a tenth of each limit that is exceeded becomes free: there is
  // always a next one, and nobody wants to choose again for each.
  std::vector<Excess> ChooseExcess(const RetentionLimits& limits) const;

  size_t count() const { return entries_.size(); }
  int64_t total_bytes() const { return total_bytes_; }

 private:
  struct Kept {
    WallTime completion_time;
    int64_t bytes = 0;
  };
  std::map<CommandKey, Kept> entries_;
  std::map<std::string, int64_t> namespace_bytes_;
  int64_t total_bytes_ = 0;
};

}  // namespace fumehood::controller
