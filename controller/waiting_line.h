#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <vector>

#include "controller/command_key.h"
#include "lib/base/time.h"

namespace fumehood::controller {

// The commands that can't start now, first come first served. Safe to call from several threads.
class WaitingLine {
 public:
  // Puts the command at the end; one that is in the line keeps its place. Returns since when it has been in the line.
  SteadyTime Join(const CommandKey& key, SteadyTime now);
  // Returns the one that was behind it; nothing where `key` was the last or not in the line.
  std::optional<CommandKey> Leave(const CommandKey& key);

  std::vector<CommandKey> All() const;  // in order
  std::optional<CommandKey> First() const;
  // The one behind `key`; nothing where `key` is the last or not in the line.
  std::optional<CommandKey> Behind(const CommandKey& key) const;

 private:
  struct Place {
    uint64_t number = 0;
    SteadyTime since;
  };
  std::optional<CommandKey> BehindLocked(uint64_t number) const;

  mutable std::mutex mutex_;  // guards what follows
  uint64_t next_number_ = 0;
  std::map<uint64_t, CommandKey> line_;
  std::map<CommandKey, Place> places_;  // the same commands
};

}  // namespace fumehood::controller
