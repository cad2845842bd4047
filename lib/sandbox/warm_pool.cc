#include "lib/sandbox/warm_pool.h"

#include <pthread.h>

#include <algorithm>
#include <iterator>
#include <utility>

namespace fumehood::sandbox {

namespace {

using namespace std::chrono_literals;

// Two at once: a start is half waiting. More would take the processor from commands.
constexpr int kStarters = 2;
// How often the pool looks for what has died or grown old, and for demand that has passed.
constexpr auto kLook = 1s;

constexpr BackoffPolicy kAfterFailure{.initial = 500ms, .max = 30s};

}  // namespace

WarmPool::WarmPool(PoolOptions options, std::vector<PoolKind> kinds, Starter start, const Clock& clock,
                   std::function<void(const Error&)> on_failure)
    : options_(options),
      start_(std::move(start)),
      clock_(clock),
      on_failure_(std::move(on_failure)),
      backoff_(kAfterFailure) {
  for (const PoolKind& kind : kinds) ShelfOf(kind).is_permanent = true;
  if (options_.maximum == 0) return;
  for (int i = 0; i < kStarters; ++i) {
    starters_.emplace_back([this](std::stop_token stop) { Refill(stop); });
    pthread_setname_np(starters_.back().native_handle(), "warm-pool");
  }
}

WarmPool::~WarmPool() { Drain(); }

std::unique_ptr<Sandbox> WarmPool::Take(const PoolKind& kind) {
  std::vector<Waiting> useless;  // goes after the lock has been given back
  const std::lock_guard lock(mutex_);
  if (draining_ || options_.maximum == 0) return nullptr;
  const SteadyTime now = clock_.SteadyNow();
  Shelf& shelf = ShelfOf(kind);
  shelf.demand.Add(now);
  changed_.notify_all();
  while (!shelf.waiting.empty()) {
    Waiting oldest = std::move(shelf.waiting.front());
    shelf.waiting.pop_front();
    if (IsUsable(oldest, now)) {
      shelf.held_back.Add(now);
      return std::move(oldest.sandbox);
    }
    useless.push_back(std::move(oldest));
  }
  return nullptr;
}

void WarmPool::Drain() {
  {
    const std::lock_guard lock(mutex_);
    draining_ = true;
  }
  changed_.notify_all();
  for (std::jthread& starter : starters_) starter.request_stop();
  starters_.clear();
  std::map<PoolKind, Shelf> all;
  const std::lock_guard lock(mutex_);
  all.swap(shelves_);
}

size_t WarmPool::waiting() const {
  const std::lock_guard lock(mutex_);
  size_t count = 0;
  for (const auto& [kind, shelf] : shelves_) count += shelf.waiting.size();
  return count;
}

void WarmPool::Refill(std::stop_token stop) {
  std::unique_lock lock(mutex_);
  while (!stop.stop_requested()) {
    const SteadyTime now = clock_.SteadyNow();
    if (std::vector<Waiting> useless = RemoveUseless(now); !useless.empty()) {
      lock.unlock();
      useless.clear();
      lock.lock();
      continue;
    }
    const PoolKind* shortage = FindShortage(now);
    if (shortage == nullptr) {
      const SteadyTime until = NextLook(now);
      changed_.wait_for(lock, stop, until - now, [this, &stop, until] {
        const SteadyTime woken = clock_.SteadyNow();
        return stop.stop_requested() || FindShortage(woken) != nullptr || NextLook(woken) < until;
      });
      continue;
    }
    const PoolKind kind = *shortage;
    ++ShelfOf(kind).starting;
    lock.unlock();
    Result<std::unique_ptr<Sandbox>> started = start_(kind);
    if (!started && !stop.stop_requested()) on_failure_(started.error());
    lock.lock();
    Shelf& shelf = ShelfOf(kind);
    --shelf.starting;
    if (!started) {
      not_before_ = clock_.SteadyNow() + backoff_.Next(clock_.SteadyNow());
    } else {
      shelf.waiting.push_back({.sandbox = std::move(*started), .since = clock_.SteadyNow()});
    }
  }
}

bool WarmPool::IsUsable(const Waiting& one, SteadyTime now) const {
  return now - one.since < options_.max_age && one.sandbox->IsAlive();
}

std::map<PoolKind, size_t> WarmPool::Targets(SteadyTime now) const {
  std::map<PoolKind, size_t> wanted;
  for (const auto& [kind, shelf] : shelves_) {
    wanted[kind] = std::max(shelf.demand.Peak(now), shelf.is_permanent ? options_.minimum : 0);
  }
  return PoolTargets(wanted, options_.maximum);
}

// What has died, what is too old, and what others need the room of.
std::vector<WarmPool::Waiting> WarmPool::RemoveUseless(SteadyTime now) {
  std::vector<Waiting> useless;
  const auto targets = Targets(now);
  for (auto& [kind, shelf] : shelves_) {
    const auto first = std::stable_partition(shelf.waiting.begin(), shelf.waiting.end(),
                                             [&](const Waiting& one) { return IsUsable(one, now); });
    std::move(first, shelf.waiting.end(), std::back_inserter(useless));
    shelf.waiting.erase(first, shelf.waiting.end());
    const auto target = targets.find(kind);
    while (shelf.waiting.size() > (target == targets.end() ? 0 : target->second)) {
      useless.push_back(std::move(shelf.waiting.front()));
      shelf.waiting.pop_front();
    }
  }
  std::erase_if(shelves_, [now](const auto& entry) {
    const Shelf& shelf = entry.second;
    return !shelf.is_permanent && shelf.waiting.empty() && shelf.starting == 0 && shelf.demand.Peak(now) == 0;
  });
  return useless;
}

// The kind that lacks most; nullptr: none lacks any, or the last start has failed just now.
const PoolKind* WarmPool::FindShortage(SteadyTime now) const {
  if (draining_ || now < not_before_) return nullptr;
  const PoolKind* most = nullptr;
  size_t most_lacking = 0;
  for (const auto& [kind, target] : Targets(now)) {
    const auto shelf = shelves_.find(kind);
    const size_t has = shelf->second.waiting.size() + shelf->second.starting + shelf->second.held_back.Count(now);
    if (target <= has || target - has <= most_lacking) continue;
    most_lacking = target - has;
    most = &shelf->first;
  }
  return most;
}

// When there may be something to do that nobody announces.
SteadyTime WarmPool::NextLook(SteadyTime now) const {
  SteadyTime next = now + kLook;
  for (const auto& [kind, shelf] : shelves_) {
    if (const auto end = shelf.held_back.NextEnd(now)) next = std::min(next, *end);
  }
  return next;
}

}  // namespace fumehood::sandbox
