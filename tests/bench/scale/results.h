#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <vector>

#include "executor/assignments.h"
#include "lib/api/sandbox_command.h"
#include "lib/base/time.h"
#include "lib/kube/client.h"
#include "lib/kube/work_queue.h"
#include "lib/kube/workers.h"

namespace fumehood::bench {

// Writes the result of each command that it is given, as an executor would after the command had exited with 0: made by
// the executor's own functions. Safe to use from several threads.
class Results {
 public:
  using Command = std::shared_ptr<const api::SandboxCommand>;

  // `client` must outlive it.
  explicit Results(kube::Client& client);

  void Owe(const Command& command);
  // From now on no result is written, until Release.
  void Hold();
  void Release();

  // Writes that were refused, each of them tried again.
  int64_t refused() const { return refused_.load(); }

 private:
  kube::Outcome Write(const executor::AttemptKey& key, std::stop_token stop);

  kube::Client& client_;
  const SystemClock clock_;
  kube::WorkQueue<executor::AttemptKey> queue_;
  std::atomic<int64_t> refused_ = 0;

  std::mutex mutex_;  // guards what follows
  bool held_ = false;
  std::map<executor::AttemptKey, Command> owed_;

  std::optional<kube::Workers<executor::AttemptKey>> writers_;  // last: they use all of the above
};

}  // namespace fumehood::bench
