#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "lib/api/sandbox_command.h"
#include "lib/base/time.h"
#include "lib/kube/client.h"

namespace fumehood::executor {

// One try at one command.
struct AttemptKey {
  kube::ObjectName name;
  std::string uid;
  int64_t attempt = 0;

  auto operator<=>(const AttemptKey&) const = default;
};

AttemptKey KeyOf(const api::SandboxCommand& command);

// "namespace/name" of the command: for messages.
std::string FullName(const AttemptKey& key);

// Why a command is killed before its end; it decides what is said about it.
enum class KillCause {
  kNone,
  kCancelled,  // by its owner: that is its result
  kGone,       // the object was deleted or is not ours any more: nobody wants a result
  kDraining,   // the executor ends: it is given back
};

// An attempt that is ours. Shared between the table, the thread that runs it and the one that reports progress.
class Assignment {
 public:
  // Only the first cause counts.
  void Kill(KillCause cause);
  KillCause kill_cause() const { return cause_.load(); }
  std::stop_token token() const { return stop_.get_token(); }

  // True for the first caller only, who runs the attempt or gives it back.
  bool Claim() { return !claimed_.exchange(true); }

  // The executor's lease had run out while this was waiting: it may be somebody else's by now.
  void SetDoubtful() { doubtful_ = true; }
  bool doubtful() const { return doubtful_; }

  // When the command was started; set and read by different threads.
  void SetStarted(WallTime time);
  std::optional<WallTime> start_time() const;
  // Nothing is to be said any more but the result.
  void SetEnded() { ended_ = true; }
  bool ended() const { return ended_; }

 private:
  std::atomic<KillCause> cause_ = KillCause::kNone;
  std::stop_source stop_;
  std::atomic<bool> claimed_ = false;
  std::atomic<bool> doubtful_ = false;
  std::atomic<bool> ended_ = false;
  mutable std::mutex mutex_;  // guards what follows
  std::optional<WallTime> start_time_;
};

// The attempts that were bound to this node and have not left its watch: each is taken once. An attempt stays in the
// table after its result was accepted, until the watch shows that too: an older state that is still under way must not
// start it again. Safe to call from several threads.
class Assignments {
 public:
  // True the first time that this attempt is seen. A higher attempt takes the place of a lower one, which is killed.
  // Attempts count from 1: what has none is not bound to anybody, and not taken.
  bool Take(const AttemptKey& key);
  // Null where this attempt is not (or no longer) ours.
  std::shared_ptr<Assignment> Find(const AttemptKey& key) const;
  std::vector<AttemptKey> All() const;
  void Kill(const std::string& uid, KillCause cause);
  void KillAll(KillCause cause);
  // The command has left the watch. It is killed, should it still run.
  void Leave(const std::string& uid);

 private:
  struct Entry {
    AttemptKey key;
    std::shared_ptr<Assignment> assignment;
  };
  mutable std::mutex mutex_;              // guards what follows
  std::map<std::string, Entry> entries_;  // by uid
};

}  // namespace fumehood::executor
