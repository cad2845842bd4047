#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "executor/disk.h"

namespace fumehood::executor {

// A directory on a disk that keeps its promises and no more. What was not synced when the power goes is lost, or there
// in part: the beginning of an append, with a hole where a page did not make it; the first few of the names that were
// changed. After a sync that failed, what was appended before it reads well until then, and never reaches the disk.
// Safe to use from several threads.
class FakeDisk {
 public:
  explicit FakeDisk(unsigned seed) : state_(std::make_shared<State>(seed)) {}

  // The directory as a process opens it. After a power loss all that it does fails.
  std::unique_ptr<Disk> Attach();

  void LosePower();
  // The operations that change something are counted from 1; this one doesn't happen any more, or only in part.
  void LosePowerAt(uint64_t operation);
  // This one fails with that errno; an append leaves a part of its bytes.
  void FailAt(uint64_t operation, int error_number);
  // Every append and sync fails from now on, until it is called with nothing.
  void FailWrites(std::optional<int> error_number);
  uint64_t operations() const;
  uint64_t syncs() const;
  uint64_t power_losses() const;
  // How often a file was given this name.
  uint64_t times_renamed_to(const std::string& name) const;
  // Called within each sync of a file, without a lock.
  void OnSync(std::function<void()> during_sync);

  // What a reader sees.
  std::map<std::string, std::string> files() const;
  void Put(const std::string& name, std::string content);

 private:
  friend class AttachedDisk;
  friend class AttachedFile;

  struct File {
    std::string seen;     // by readers
    std::string durable;  // what a sync brings to the disk; as long as `seen`
    size_t synced = 0;    // so many bytes of `durable` are there
  };
  using Names = std::map<std::string, std::shared_ptr<File>>;

  struct State {
    explicit State(unsigned seed) : random(seed) {}
    // In an operation of a process that was attached in `epoch`: whether it goes through.
    Status Operate(uint64_t epoch, const std::string& what);
    void CutPower();
    size_t Random(size_t up_to) { return std::uniform_int_distribution<size_t>(0, up_to)(random); }

    mutable std::mutex mutex;  // guards what follows
    std::minstd_rand random;
    uint64_t epoch = 0;  // counts the power losses
    uint64_t operations = 0;
    uint64_t syncs = 0;
    std::map<std::string, uint64_t> renames_to;
    uint64_t lose_power_at = 0;
    std::map<uint64_t, int> fail_at;
    std::optional<int> failing_writes;
    std::function<void()> during_sync;
    bool is_locked = false;
    Names names;
    Names durable_names;
    std::vector<Names> names_since_sync;  // after each change
  };

  std::shared_ptr<State> state_;  // with the disks and files that are attached, which may go away later
};

}  // namespace fumehood::executor
