#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <stop_token>
#include <variant>

#include "executor/assignments.h"
#include "executor/ledger.h"
#include "executor/metrics.h"
#include "executor/outcome.h"
#include "executor/patches.h"
#include "lib/base/result.h"
#include "lib/base/time.h"
#include "lib/kube/client.h"
#include "lib/kube/work_queue.h"
#include "lib/kube/workers.h"
#include "lib/service/log.h"

namespace fumehood::executor {

// Writes what became of attempts into their objects: again and again, until the API server has accepted it or nobody
// wants it any more. Then the ledger drops the attempt. Everything it is given must outlive it. Safe to call from
// several threads.
class Reporter {
 public:
  struct Parts {
    kube::Client& client;
    Ledger& ledger;
    const Clock& clock;
    const service::Log& log;
    ExecutorMetrics& metrics;
    kube::WorkQueueObserver* queue_observer = nullptr;
  };
  explicit Reporter(Parts parts);

  // Both return at once; one of the two per attempt.
  void Report(const AttemptKey& key, Outcome outcome);
  void GiveBack(const AttemptKey& key, HandBack why);

  // Attempts with something to say: threads take from here and call Deliver.
  kube::WorkQueue<AttemptKey>& pending() { return queue_; }
  kube::Outcome Deliver(const AttemptKey& key, std::stop_token stop);

  // Waits until nothing is pending; false when something still is after `patience`, or when `stop` is requested.
  size_t pending_count() const;
  bool WaitUntilNothingIsPending(std::chrono::milliseconds patience, std::stop_token stop);

  // Says that the attempt is running since `start_time`. Tries once: the result will tell anyhow.
  Status Mention(const AttemptKey& key, WallTime start_time, std::stop_token stop);

  // The object as the API server has it, if it still waits for the result of this attempt; else kGone.
  Result<api::SandboxCommand> ReadWanted(const AttemptKey& key, std::stop_token stop);

 private:
  // How much of a result is written: what the API server finds too large is cut down in steps.
  struct PendingResult {
    Outcome outcome;
    uint64_t max_output_bytes = 0;
    bool bare = false;  // the last step
  };
  struct Pending {
    std::variant<PendingResult, HandBack> what;
    SteadyTime since;
  };

  void Enqueue(const AttemptKey& key, std::variant<PendingResult, HandBack> what);
  std::shared_ptr<Pending> Find(const AttemptKey& key);
  void Settle(const AttemptKey& key);

  kube::Outcome Write(const AttemptKey& key, PendingResult& result, std::stop_token stop);
  kube::Outcome Write(const AttemptKey& key, HandBack& why, std::stop_token stop);
  // After a refusal: whether anybody still waits for it decides.
  kube::Outcome GoOnIfWanted(const AttemptKey& key, const Error& refusal, std::stop_token stop);
  Status Patch(const AttemptKey& key, const kube::Json& patch, std::stop_token stop);

  kube::Client& client_;
  Ledger& ledger_;
  const Clock& clock_;
  const service::Log& log_;
  ExecutorMetrics& metrics_;
  kube::WorkQueue<AttemptKey> queue_;

  mutable std::mutex mutex_;  // guards what follows
  std::condition_variable_any settled_;
  std::map<AttemptKey, std::shared_ptr<Pending>> pending_;
};

}  // namespace fumehood::executor
