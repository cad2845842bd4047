#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "executor/assignments.h"
#include "executor/disk.h"
#include "executor/ledger_record.h"
#include "executor/ledger_state.h"
#include "lib/base/json_fields.h"
#include "lib/base/result.h"

namespace fumehood::executor {

struct LedgerOptions {
  // For a predecessor that is about to end.
  std::chrono::milliseconds lock_wait{5'000};
  // So many uids are remembered after all else about them was dropped: hours of short commands, while a watch that is
  // behind is behind by minutes. Each takes about 60 bytes of the file.
  size_t max_remembered = 10'000;
  // A file that is larger than this, and of which less than half is still needed, is written anew.
  uint64_t compact_above = uint64_t{4} << 20;
};

// What this node's executors have started and how it ended, on disk: so that the next executor, also after a crash or
// a power loss, hands back what was lost and reports what was not reported yet. One executor at a time has it open; the
// one that closed it, or died, leaves it to the next.
//
// When the disk fails, nothing is accepted until Maintain() has written everything that is still needed into a new
// file. Safe to call from several threads; what they write at the same time shares a sync.
class Ledger {
 public:
  enum class Stage { kStarted, kEnded };
  struct Entry {
    AttemptKey key;
    Stage stage = Stage::kStarted;
    Json result;  // of kEnded; null otherwise
  };

  // Makes what is missing, and takes the lock. A file that is damaged or ends within a record is read as far as
  // possible, see problems(). When the disk takes no writes the ledger is open nevertheless, with what it holds, and
  // health() tells. kConflict: another process has the lock. kInvalid: a newer version wrote the file. Other errors:
  // the directory can't be made or the file can't be read.
  static Result<std::unique_ptr<Ledger>> Open(std::unique_ptr<Disk> disk, const LedgerOptions& options = {});
  static Result<std::unique_ptr<Ledger>> Open(const std::filesystem::path& directory,
                                              const LedgerOptions& options = {});
  Ledger(const Ledger&) = delete;
  Ledger& operator=(const Ledger&) = delete;
  // No call may be in progress. Writes the drops that were not written yet.
  ~Ledger();

  // Whether Open found no ledger file at all: the first executor of this node, or one whose directory was lost. What
  // was started before is then unknown to it: it can neither hand it back nor refuse to start it again. A file that was
  // there counts as found also when nothing of it could be read, see problems().
  bool is_new() const { return is_new_; }
  // The attempts that something is still needed of, by uid and attempt: those found by Open and those added since.
  std::vector<Entry> entries() const;
  // What Open could not read, for the log. The bytes are kept in "ledger.damaged-<n>" beside the ledger: the first
  // sixteen times, unless somebody removes them.
  const std::vector<std::string>& problems() const { return problems_; }

  // Success: it survives a power loss that this attempt was started.
  // kAlreadyExists: this attempt or a higher one of its uid was started before, by this executor or an earlier one, or
  // is being started: it must not be started again.
  // kUnavailable: it is not on disk (the disk is full, …): it must not be started. It may be found after a crash
  // nevertheless.
  Status Start(const AttemptKey& key);
  // Success: the result survives a power loss. Its strings need not be UTF-8, and it may have binary values. The first
  // result counts. kNotFound: not started, or dropped. kAlreadyExists: ended before. kUnavailable: as for Start.
  // kTooLarge: larger than any result that an API server takes.
  Status End(const AttemptKey& key, const Json& result);
  // Nothing is needed of the attempt any more, except that it was started. At worst, after a crash, the next executor
  // finds it nevertheless. Does nothing for an attempt that is not among the entries.
  void Drop(const AttemptKey& key);

  // Why nothing is accepted (kUnavailable), or success.
  Status health() const;
  // To be called every few seconds: makes the ledger healthy again if the disk allows, and the file small if that is
  // worth while. Callers of Start and End wait only while the new file takes the old one's place.
  void Maintain();

 private:
  // A caller of Start or End that waits for its record.
  struct Waiting {
    LedgerRecord::Kind kind;
    const AttemptKey& key;
    EncodedRecord encoded;
    bool is_done = false;
    Status outcome = {};
  };
  // What is written at once. Drops have a record, and nobody who waits.
  struct Batch {
    std::vector<EncodedRecord> records;
    std::vector<Waiting*> waiting;
  };
  using Lock = std::unique_lock<std::mutex>;

  Ledger(std::unique_ptr<Disk> disk, const LedgerOptions& options);
  Status Load();
  // For errors in writing a file.
  std::string About(const std::string& name) const;
  Status Append(Lock& lock, LedgerRecord::Kind kind, const AttemptKey& key, EncodedRecord encoded);
  void WriteQueued(Lock& lock);
  // The size of the file afterwards, which was `size` before.
  Result<uint64_t> Write(const Batch& batch, uint64_t size);
  void Rewrite(Lock& lock);
  struct NewFile {
    std::unique_ptr<DiskFile> file;
    uint64_t size = 0;
  };
  Result<NewFile> WriteNewFile(const std::vector<EncodedRecord>& live,
                               const std::vector<LedgerState::Remembered>& remembered);
  Status Replace(NewFile& fresh, const std::vector<EncodedRecord>& since);
  Status KeepDamagedBytes();
  bool IsWorthCompacting() const;

  const std::unique_ptr<Disk> disk_;
  const LedgerOptions options_;
  bool is_new_ = false;                // set by Load
  std::vector<std::string> problems_;  // set by Load
  std::string damaged_bytes_;          // not copied yet; whoever rewrites uses it

  mutable std::mutex mutex_;  // guards what follows; never held over IO
  std::condition_variable changed_;
  LedgerState state_;
  std::set<std::pair<std::string, int64_t>> starting_;  // uid and attempt, while their Start waits
  Batch queued_;
  Status health_;
  bool is_rewriting_ = false;
  std::vector<EncodedRecord> since_copy_;  // what came since the rewriting took its copy of the state
  uint64_t file_size_ = 0;                 // up to the end of the last good record
  // Whoever sets it has the file for itself, without the mutex, until it takes it back.
  bool file_is_taken_ = false;
  std::unique_ptr<DiskFile> file_;  // not null while the ledger is healthy
};

}  // namespace fumehood::executor
