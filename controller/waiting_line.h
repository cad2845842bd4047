#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "controller/command_key.h"
#include "lib/base/time.h"

namespace fumehood::controller {

// The commands that can't start now, in the order in which they may: the higher priority first; of one priority the
// namespaces take turns, each with its oldest command; a namespace that comes later joins at the end of the round.
//
// Who could not start for want of a slot is passed over until a slot becomes free: so nobody who fits is held up by
// somebody who doesn't, and nobody who comes later gets a slot that somebody before it could have had. Who waits for
// something else than a slot stands aside until it is found to fit. Safe to call from several threads.
class WaitingLine {
 public:
  // What was known when a decision was made: what becomes free meanwhile counts as news.
  using Moment = uint64_t;
  Moment now() const;

  // Puts the command in line, where it has its place by its priority and by when it came: to this line or, where
  // another controller has led, to another. Both times count when it joins for the first time only. Returns since when
  // it is in this line.
  SteadyTime Join(const CommandKey& key, int64_t priority, WallTime came, SteadyTime now);
  // Since when it is in this line; nothing where it never did, or has left.
  std::optional<SteadyTime> Since(const CommandKey& key) const;
  void Leave(const CommandKey& key);

  // Whether nobody who comes before it may still fit.
  bool IsItsTurn(const CommandKey& key);
  // It gets a slot: the turn of its namespace is over, and it stands aside.
  void Serve(const CommandKey& key);
  // At `moment` there was no slot for it.
  void PassOver(const CommandKey& key, Moment moment);
  // At `moment` there was none for any command of its namespace.
  void PassOverNamespace(const CommandKey& key, Moment moment);
  // It waits for something else than a slot.
  void StandAside(const CommandKey& key);

  // Something has changed, such as a slot that became free: whoever was passed over may fit now.
  void Reconsider();

  // Who is to be tried next: the first who was not passed over.
  std::optional<CommandKey> Next();
  // First those in line, in the order in which they came; who stands aside too.
  std::vector<CommandKey> All() const;

 private:
  // Of what came at the same time, the smaller number came first.
  using Arrival = std::pair<WallTime, uint64_t>;
  struct Place {
    Arrival arrival;
    SteadyTime since;
    int64_t priority = 0;
    bool in_line = false;
  };
  using Commands = std::map<Arrival, CommandKey>;
  // The commands of one namespace and priority.
  struct Lane {
    uint64_t turn = 0;
    Commands may_fit = {};
    Commands passed_over = {};  // at `moment`; at another one they may fit, too
    Moment moment = 0;
  };
  struct Band {
    std::map<std::string, Lane> lanes;      // by namespace
    std::map<uint64_t, std::string> round;  // whose turn it is: the namespaces by Lane::turn
  };

  void EnterLocked(const CommandKey& key, Place& place);
  void LeaveLineLocked(const CommandKey& key, Place& place);
  // Who was passed over earlier may fit now.
  void UpdateLocked(Lane& lane);
  std::optional<CommandKey> NextLocked();

  mutable std::mutex mutex_;  // guards what follows
  uint64_t next_number_ = 0;
  uint64_t next_turn_ = 0;
  Moment moment_ = 0;
  std::map<CommandKey, Place> places_;
  Commands arrivals_;                              // the same commands
  std::map<int64_t, Band, std::greater<>> bands_;  // those in line, by priority
  std::set<std::string> full_namespaces_;          // passed over at moment_
};

}  // namespace fumehood::controller
