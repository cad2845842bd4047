#include "executor/ledger.h"

#include <utility>

#include "executor/posix_disk.h"

namespace fumehood::executor {

namespace {

const std::string kFileName = "ledger";
const std::string kNewFileName = "ledger.new";

// Some hundred of the largest results; more than we ever write, and few enough bytes to be read at once.
constexpr uint64_t kMaxFileBytes = uint64_t{1} << 30;

// So many copies of damaged bytes are kept; a disk that goes on damaging files shall not be filled by us.
constexpr int kMaxDamagedFiles = 16;

// For callers, who only have to know that nothing was made durable.
Status AsUnavailable(const Error& error) { return std::unexpected(Error{ErrorCode::kUnavailable, error.message}); }

std::string Joined(const std::vector<EncodedRecord>& records) {
  size_t size = 0;
  for (const EncodedRecord& record : records) size += record->size();
  std::string bytes;
  bytes.reserve(size);
  for (const EncodedRecord& record : records) bytes += *record;
  return bytes;
}

Status AppendAndSync(DiskFile& file, std::string_view bytes) {
  if (Status written = file.Append(bytes); !written) return written;
  return file.Sync();
}

Result<EncodedRecord> Encode(const LedgerRecord& record) {
  auto encoded = EncodeRecord(record);
  if (!encoded) return Forward(std::move(encoded));
  return std::make_shared<const std::string>(std::move(*encoded));
}

}  // namespace

Ledger::Ledger(std::unique_ptr<Disk> disk, const LedgerOptions& options)
    : disk_(std::move(disk)), options_(options), state_(options.max_remembered) {}

Result<std::unique_ptr<Ledger>> Ledger::Open(const std::filesystem::path& directory, const LedgerOptions& options) {
  auto disk = OpenPosixDisk(directory);
  if (!disk) return Wrap(std::move(disk).error(), "open the ledger");
  return Open(std::move(*disk), options);
}

Result<std::unique_ptr<Ledger>> Ledger::Open(std::unique_ptr<Disk> disk, const LedgerOptions& options) {
  if (Status locked = disk->Lock(options.lock_wait); !locked) return Wrap(std::move(locked).error(), "open the ledger");
  std::unique_ptr<Ledger> ledger(new Ledger(std::move(disk), options));
  if (Status loaded = ledger->Load(); !loaded) return Forward(std::move(loaded));
  return ledger;
}

Status Ledger::Load() {
  const std::string path = disk_->PathOf(kFileName).string();
  auto content = disk_->Read(kFileName, kMaxFileBytes);
  if (!content && content.error().code != ErrorCode::kNotFound) {
    return Wrap(std::move(content).error(), "open the ledger");
  }
  is_new_ = !content;
  if (content) {
    const auto damage = ReadLedger(*content, [this](const LedgerRecord& record, std::string_view encoded) {
      state_.Apply(record.kind, record.key, std::make_shared<const std::string>(encoded));
    });
    if (!damage) return Wrap(damage.error(), fmt::format("open the ledger \"{}\"", path));
    for (const auto& [offset, bytes] : *damage) {
      problems_.push_back(fmt::format("\"{}\": {} bytes at offset {} can't be read", path, bytes.size(), offset));
      damaged_bytes_ += bytes;
    }
  }
  // Always into a new file: what was read may be in memory only, if our predecessor ended after its sync had failed.
  Lock lock(mutex_);
  Rewrite(lock);
  return {};
}

std::string Ledger::About(const std::string& name) const {
  return fmt::format("write \"{}\"", disk_->PathOf(name).string());
}

Ledger::~Ledger() {
  Lock lock(mutex_);
  if (!queued_.records.empty()) WriteQueued(lock);
}

std::vector<Ledger::Entry> Ledger::entries() const {
  std::vector<EncodedRecord> live;
  {
    Lock lock(mutex_);
    live = state_.live();
  }
  std::vector<Entry> entries;
  entries.reserve(live.size());
  for (const EncodedRecord& encoded : live) {
    LedgerRecord record = DecodeRecord(*encoded).value();
    entries.push_back({std::move(record.key),
                       record.kind == LedgerRecord::Kind::kEnded ? Stage::kEnded : Stage::kStarted,
                       std::move(record.result)});
  }
  return entries;
}

Status Ledger::Start(const AttemptKey& key) {
  auto encoded = Encode({LedgerRecord::Kind::kStarted, key, nullptr});
  if (!encoded) return Forward(std::move(encoded));
  Lock lock(mutex_);
  const auto starting = starting_.lower_bound({key.uid, key.attempt});
  if (state_.WasStarted(key) || (starting != starting_.end() && starting->first == key.uid)) {
    return Fail(ErrorCode::kAlreadyExists, "attempt {} of \"{}/{}\" or a later one was started before", key.attempt,
                key.name.ns, key.name.name);
  }
  const auto mine = starting_.insert({key.uid, key.attempt}).first;
  Status outcome = Append(lock, LedgerRecord::Kind::kStarted, key, std::move(*encoded));
  starting_.erase(mine);
  return outcome;
}

Status Ledger::End(const AttemptKey& key, const Json& result) {
  auto encoded = Encode({LedgerRecord::Kind::kEnded, key, result});
  if (!encoded) return Forward(std::move(encoded));
  Lock lock(mutex_);
  switch (state_.StageOf(key)) {
    case LedgerState::Stage::kUnknown:
      return Fail(ErrorCode::kNotFound, "attempt {} of \"{}/{}\" is not among those that were started", key.attempt,
                  key.name.ns, key.name.name);
    case LedgerState::Stage::kEnded:
      return Fail(ErrorCode::kAlreadyExists, "attempt {} of \"{}/{}\" has ended before", key.attempt, key.name.ns,
                  key.name.name);
    case LedgerState::Stage::kStarted: break;
  }
  return Append(lock, LedgerRecord::Kind::kEnded, key, std::move(*encoded));
}

void Ledger::Drop(const AttemptKey& key) {
  auto encoded = Encode({LedgerRecord::Kind::kDropped, key, nullptr});
  Lock lock(mutex_);
  if (state_.StageOf(key) == LedgerState::Stage::kUnknown) return;
  state_.Apply(LedgerRecord::Kind::kDropped, key, nullptr);
  // Too large it can't be: the record of its start had room for the same names.
  queued_.records.push_back(*encoded);
  // Not only when it was written: it is true whatever becomes of the old file.
  if (is_rewriting_) since_copy_.push_back(*encoded);
}

Status Ledger::health() const {
  Lock lock(mutex_);
  return health_;
}

Status Ledger::Append(Lock& lock, LedgerRecord::Kind kind, const AttemptKey& key, EncodedRecord encoded) {
  Waiting mine{.kind = kind, .key = key, .encoded = std::move(encoded)};
  queued_.records.push_back(mine.encoded);
  queued_.waiting.push_back(&mine);
  while (!mine.is_done) {
    if (file_is_taken_) {
      changed_.wait(lock);
    } else {
      WriteQueued(lock);
    }
  }
  return std::move(mine.outcome);
}

// One of those who wait writes for all.
void Ledger::WriteQueued(Lock& lock) {
  Batch batch = std::exchange(queued_, {});
  Result<uint64_t> written = 0;
  if (!health_) {
    written = Wrap(health_.error(), "the ledger takes nothing before it could be written anew");
  } else {
    file_is_taken_ = true;
    const uint64_t size = file_size_;
    lock.unlock();
    written = Write(batch, size);
    lock.lock();
    file_is_taken_ = false;
    if (written) file_size_ = *written;
    if (!written) health_ = AsUnavailable(written.error());
  }
  for (Waiting* waiting : batch.waiting) {
    if (written && is_rewriting_) since_copy_.push_back(waiting->encoded);
    if (written) state_.Apply(waiting->kind, waiting->key, waiting->encoded);
    if (!written) waiting->outcome = AsUnavailable(written.error());
    waiting->is_done = true;
  }
  changed_.notify_all();
}

Result<uint64_t> Ledger::Write(const Batch& batch, uint64_t size) {
  const std::string bytes = Joined(batch.records);
  Status written = file_->Append(bytes);
  // Drops alone can wait for the next sync.
  if (written && !batch.waiting.empty()) written = file_->Sync();
  if (!written) {
    // It makes room on a full disk. If it fails too, the next reader finds records that were refused, or a torn one.
    (void)file_->Truncate(size);
    return Wrap(std::move(written).error(), About(kFileName));
  }
  return size + bytes.size();
}

void Ledger::Maintain() {
  Lock lock(mutex_);
  if (is_rewriting_) return;
  if (!health_ || IsWorthCompacting()) {
    Rewrite(lock);
  } else if (!queued_.records.empty() && !file_is_taken_) {
    WriteQueued(lock);
  }
}

bool Ledger::IsWorthCompacting() const {
  if (file_size_ <= options_.compact_above) return false;
  // A record that only remembers an uid.
  constexpr uint64_t kRememberedBytes = 60;
  uint64_t needed = state_.remembered().size() * kRememberedBytes;
  for (const EncodedRecord& record : state_.live()) needed += record->size();
  return needed < file_size_ / 2;
}

// Writes all that is needed into a new file, which then takes the old one's place. Meanwhile others write to the old
// one, if it is good; what they write is added to the new one before the change.
void Ledger::Rewrite(Lock& lock) {
  is_rewriting_ = true;
  since_copy_.clear();
  if (queued_.waiting.empty()) queued_.records.clear();  // drops, which the state has seen
  const std::vector<EncodedRecord> live = state_.live();
  const std::vector<LedgerState::Remembered> remembered(state_.remembered().begin(), state_.remembered().end());
  lock.unlock();
  auto fresh = WriteNewFile(live, remembered);
  lock.lock();
  changed_.wait(lock, [this] { return !file_is_taken_; });
  file_is_taken_ = true;
  const std::vector<EncodedRecord> since = std::exchange(since_copy_, {});
  lock.unlock();
  Status replaced = fresh ? Replace(*fresh, since) : Status(std::unexpected(fresh.error()));
  if (!replaced) (void)disk_->Remove(kNewFileName);  // the next one begins with that, too
  lock.lock();
  file_is_taken_ = false;
  is_rewriting_ = false;
  if (replaced) file_size_ = fresh->size;
  health_ = replaced ? Status() : AsUnavailable(replaced.error());
  changed_.notify_all();
}

Result<Ledger::NewFile> Ledger::WriteNewFile(const std::vector<EncodedRecord>& live,
                                             const std::vector<LedgerState::Remembered>& remembered) {
  if (Status kept = KeepDamagedBytes(); !kept) return Forward(std::move(kept));
  // The attempts of an uid that are still needed come before what is remembered of it: a start after a higher
  // attempt's drop would count as a late one.
  std::string bytes = EncodeLedgerHeader() + Joined(live);
  for (const auto& [uid, attempt] : remembered) {
    const auto encoded = EncodeRecord({LedgerRecord::Kind::kDropped, {.name = {}, .uid = uid, .attempt = attempt}, {}});
    if (!encoded) return std::unexpected(encoded.error());
    bytes += *encoded;
  }
  if (Status removed = disk_->Remove(kNewFileName); !removed) return Forward(std::move(removed));
  auto file = disk_->Create(kNewFileName);
  if (!file) return Forward(std::move(file));
  Status written = AppendAndSync(**file, bytes);
  if (!written) return Wrap(std::move(written).error(), About(kNewFileName));
  return NewFile{std::move(*file), bytes.size()};
}

Status Ledger::Replace(NewFile& fresh, const std::vector<EncodedRecord>& since) {
  if (!since.empty()) {
    const std::string bytes = Joined(since);
    Status written = AppendAndSync(*fresh.file, bytes);
    if (!written) return Wrap(std::move(written).error(), About(kNewFileName));
    fresh.size += bytes.size();
  }
  if (Status renamed = disk_->Rename(kNewFileName, kFileName); !renamed) return renamed;
  file_ = std::move(fresh.file);
  // Until this is done a power loss may bring the old file back, without what is added to the new one.
  return disk_->SyncNames();
}

Status Ledger::KeepDamagedBytes() {
  if (damaged_bytes_.empty()) return {};
  for (int number = 1; number <= kMaxDamagedFiles; ++number) {
    const std::string name = fmt::format("{}.damaged-{}", kFileName, number);
    auto file = disk_->Create(name);
    if (!file && file.error().code == ErrorCode::kAlreadyExists) continue;
    if (!file) return Forward(std::move(file));
    Status kept = AppendAndSync(**file, damaged_bytes_);
    if (kept) kept = disk_->SyncNames();
    if (!kept) {
      (void)disk_->Remove(name);
      return Wrap(std::move(kept).error(), About(name));
    }
    break;
  }
  damaged_bytes_.clear();
  return {};
}

}  // namespace fumehood::executor
