#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "executor/ledger_record.h"

namespace fumehood::executor {

// An encoded record. Shared between the state, the batch that is being written and a new file that is being made: all
// of them only read it, and it may be large.
using EncodedRecord = std::shared_ptr<const std::string>;

// What the records of a ledger mean, one after the other. Pure: the same records give the same state. Not safe to
// share between threads.
class LedgerState {
 public:
  // Of so many uids it is remembered that they were started after nothing else is needed of them.
  explicit LedgerState(size_t max_remembered) : max_remembered_(max_remembered) {}

  // The next record is `kind` of `key`; `encoded` is the whole of it, and not needed for kDropped.
  void Apply(LedgerRecord::Kind kind, const AttemptKey& key, EncodedRecord encoded);

  // Whether this attempt or a higher one of its uid was started.
  bool WasStarted(const AttemptKey& key) const;
  enum class Stage { kUnknown, kStarted, kEnded };
  // kUnknown: never started, or dropped.
  Stage StageOf(const AttemptKey& key) const;

  // The latest record of each attempt that something is still needed of, by uid and attempt.
  std::vector<EncodedRecord> live() const;
  struct Remembered {
    std::string uid;
    int64_t attempt = 0;  // the highest that was dropped
  };
  // The one that was dropped last is the last.
  const std::list<Remembered>& remembered() const { return remembered_; }

 private:
  struct Live {
    Stage stage = Stage::kStarted;
    EncodedRecord encoded;
  };
  bool IsRemembered(const AttemptKey& key) const;
  void Remember(const AttemptKey& key);

  size_t max_remembered_;
  std::map<std::pair<std::string, int64_t>, Live> live_;  // by uid and attempt
  std::list<Remembered> remembered_;                      // oldest first
  std::unordered_map<std::string, std::list<Remembered>::iterator> remembered_by_uid_;
};

}  // namespace fumehood::executor
