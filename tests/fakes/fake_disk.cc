#include "tests/fakes/fake_disk.h"

#include <algorithm>
#include <cerrno>

namespace fumehood::executor {

Status FakeDisk::State::Operate(uint64_t attached_in, const std::string& what) {
  if (attached_in != epoch) return FailErrno(EIO, what);
  ++operations;
  if (operations == lose_power_at) {
    CutPower();
    return FailErrno(EIO, what);
  }
  if (const auto failure = fail_at.find(operations); failure != fail_at.end()) return FailErrno(failure->second, what);
  return {};
}

void FakeDisk::State::CutPower() {
  ++epoch;
  is_locked = false;
  if (const size_t changes = Random(names_since_sync.size()); changes > 0) {
    durable_names = names_since_sync[changes - 1];
  }
  names_since_sync.clear();
  names = durable_names;
  for (const auto& [name, file] : names) {
    std::string content = file->durable.substr(0, file->synced + Random(file->durable.size() - file->synced));
    if (content.size() > file->synced && Random(2) == 0) {
      const size_t from = file->synced + Random(content.size() - file->synced);
      const size_t count = Random(content.size() - from);
      std::fill_n(content.begin() + static_cast<std::ptrdiff_t>(from), count, '\0');
    }
    *file = {.seen = content, .durable = content, .synced = content.size()};
  }
}

class AttachedFile final : public DiskFile {
 public:
  AttachedFile(std::shared_ptr<FakeDisk::State> state, uint64_t epoch, std::shared_ptr<FakeDisk::File> file)
      : state_(std::move(state)), epoch_(epoch), file_(std::move(file)) {}

  Status Append(std::string_view bytes) override {
    std::lock_guard lock(state_->mutex);
    // Before the power goes, a part of it may already be on its way.
    const bool goes_on = epoch_ == state_->epoch;
    const size_t part = goes_on ? state_->Random(bytes.size()) : 0;
    if (goes_on) Write(bytes.substr(0, part));
    if (Status done = state_->Operate(epoch_, "append"); !done) return done;
    if (state_->failing_writes) return FailErrno(*state_->failing_writes, "append");
    Write(bytes.substr(part));
    return {};
  }

  Status Sync() override {
    std::function<void()> during_sync;
    {
      std::lock_guard lock(state_->mutex);
      during_sync = state_->during_sync;
    }
    if (during_sync) during_sync();
    std::lock_guard lock(state_->mutex);
    ++state_->syncs;
    Status done = state_->Operate(epoch_, "sync");
    if (done && state_->failing_writes) done = FailErrno(*state_->failing_writes, "sync");
    if (epoch_ != state_->epoch) return done;
    if (!done)
      std::fill(file_->durable.begin() + static_cast<std::ptrdiff_t>(file_->synced), file_->durable.end(), '\0');
    if (done) file_->synced = file_->durable.size();
    return done;
  }

  Status Truncate(uint64_t size) override {
    std::lock_guard lock(state_->mutex);
    if (Status done = state_->Operate(epoch_, "cut off the end"); !done) return done;
    file_->seen.resize(size);
    file_->durable.resize(size);
    file_->synced = std::min(file_->synced, size_t{size});
    return {};
  }

 private:
  void Write(std::string_view bytes) {
    file_->seen += bytes;
    file_->durable += bytes;
  }

  std::shared_ptr<FakeDisk::State> state_;
  uint64_t epoch_;
  std::shared_ptr<FakeDisk::File> file_;
};

class AttachedDisk final : public Disk {
 public:
  AttachedDisk(std::shared_ptr<FakeDisk::State> state, uint64_t epoch) : state_(std::move(state)), epoch_(epoch) {}
  ~AttachedDisk() override {
    std::lock_guard lock(state_->mutex);
    if (has_lock_ && epoch_ == state_->epoch) state_->is_locked = false;
  }

  Status Lock(std::chrono::milliseconds) override {
    std::lock_guard lock(state_->mutex);
    if (state_->is_locked) return Fail(ErrorCode::kConflict, "lock: another one has it");
    state_->is_locked = has_lock_ = true;
    return {};
  }

  Result<std::string> Read(const std::string& name, uint64_t) override {
    std::lock_guard lock(state_->mutex);
    if (epoch_ != state_->epoch) return FailErrno(EIO, "read");
    const auto found = state_->names.find(name);
    if (found == state_->names.end()) return FailErrno(ENOENT, "read");
    return found->second->seen;
  }

  Result<std::unique_ptr<DiskFile>> Create(const std::string& name) override {
    std::lock_guard lock(state_->mutex);
    if (Status done = state_->Operate(epoch_, "create \"" + name + "\""); !done) return Forward(std::move(done));
    if (state_->names.contains(name)) return FailErrno(EEXIST, "create");
    auto file = std::make_shared<FakeDisk::File>();
    state_->names[name] = file;
    state_->names_since_sync.push_back(state_->names);
    return std::make_unique<AttachedFile>(state_, epoch_, std::move(file));
  }

  Status Rename(const std::string& from, const std::string& to) override {
    std::lock_guard lock(state_->mutex);
    if (Status done = state_->Operate(epoch_, "rename \"" + from + "\""); !done) return done;
    auto moved = state_->names.extract(from);
    if (moved.empty()) return FailErrno(ENOENT, "rename \"" + from + "\"");
    state_->names[to] = moved.mapped();
    ++state_->renames_to[to];
    state_->names_since_sync.push_back(state_->names);
    return {};
  }

  Status Remove(const std::string& name) override {
    std::lock_guard lock(state_->mutex);
    if (Status done = state_->Operate(epoch_, "remove \"" + name + "\""); !done) return done;
    state_->names.erase(name);
    state_->names_since_sync.push_back(state_->names);
    return {};
  }

  Status SyncNames() override {
    std::lock_guard lock(state_->mutex);
    if (Status done = state_->Operate(epoch_, "sync the directory"); !done) return done;
    state_->durable_names = state_->names;
    state_->names_since_sync.clear();
    return {};
  }

  std::filesystem::path PathOf(const std::string& name) const override { return std::filesystem::path("/fake") / name; }

 private:
  std::shared_ptr<FakeDisk::State> state_;
  uint64_t epoch_;
  bool has_lock_ = false;
};

std::unique_ptr<Disk> FakeDisk::Attach() {
  std::lock_guard lock(state_->mutex);
  return std::make_unique<AttachedDisk>(state_, state_->epoch);
}

void FakeDisk::LosePower() {
  std::lock_guard lock(state_->mutex);
  state_->CutPower();
}

void FakeDisk::LosePowerAt(uint64_t operation) {
  std::lock_guard lock(state_->mutex);
  state_->lose_power_at = operation;
}

void FakeDisk::FailAt(uint64_t operation, int error_number) {
  std::lock_guard lock(state_->mutex);
  state_->fail_at[operation] = error_number;
}

void FakeDisk::FailWrites(std::optional<int> error_number) {
  std::lock_guard lock(state_->mutex);
  state_->failing_writes = error_number;
}

uint64_t FakeDisk::operations() const {
  std::lock_guard lock(state_->mutex);
  return state_->operations;
}

uint64_t FakeDisk::syncs() const {
  std::lock_guard lock(state_->mutex);
  return state_->syncs;
}

uint64_t FakeDisk::power_losses() const {
  std::lock_guard lock(state_->mutex);
  return state_->epoch;
}

uint64_t FakeDisk::times_renamed_to(const std::string& name) const {
  std::lock_guard lock(state_->mutex);
  const auto found = state_->renames_to.find(name);
  return found == state_->renames_to.end() ? 0 : found->second;
}

void FakeDisk::OnSync(std::function<void()> during_sync) {
  std::lock_guard lock(state_->mutex);
  state_->during_sync = std::move(during_sync);
}

std::map<std::string, std::string> FakeDisk::files() const {
  std::lock_guard lock(state_->mutex);
  std::map<std::string, std::string> files;
  for (const auto& [name, file] : state_->names) files[name] = file->seen;
  return files;
}

void FakeDisk::Put(const std::string& name, std::string content) {
  std::lock_guard lock(state_->mutex);
  const size_t size = content.size();
  state_->names[name] = std::make_shared<File>(File{.seen = content, .durable = content, .synced = size});
  state_->durable_names = state_->names;
}

}  // namespace fumehood::executor
