#include "lib/kube/event_correlator.h"

#include <algorithm>
#include <utility>

namespace fumehood::kube {
namespace {

using namespace std::chrono_literals;

constexpr size_t kRemembered = 4'096;
constexpr auto kSeriesEndsAfter = 6min;
constexpr double kBurst = 25;
constexpr std::chrono::duration<double> kRefillTime = 300s;
constexpr int kMaxTries = 12;
constexpr auto kRetryDelay = 10s;
constexpr double kRetryJitter = 0.25;
constexpr size_t kMaxNameBytes = 230;  // of the object; the whole name may have 253
constexpr const char* kNamespaceOfTheRest = "default";

}  // namespace

EventCorrelator::EventCorrelator(const Clock& clock, EventSource source, unsigned seed)
    : clock_(clock), source_(std::move(source)), random_(seed), series_(kRemembered), budgets_(kRemembered) {}

std::optional<EventWrite> EventCorrelator::Observe(EventRecord record) {
  const EventKey key{record.regarding, record.type, record.reason, record.action};
  const SteadyTime now = clock_.SteadyNow();
  Series* series = series_.Use(key);
  if (series && now - series->last_seen <= kSeriesEndsAfter) {
    ++series->event.count;
    series->event.last_time = clock_.WallNow();
    series->last_seen = now;
  } else {
    series = &series_.Put(key, NewSeries(std::move(record)));
  }
  if (series->retry_at || !TakeFromBudget(key.regarding)) return std::nullopt;
  return WriteOf(key, *series);
}

Status EventCorrelator::Answered(const EventKey& key, Status answer) {
  Series* const series = series_.Use(key);
  if (!series) return answer;
  if (answer || answer.error().code == ErrorCode::kAlreadyExists) {
    series->exists = true;
    series->failures = 0;
    return {};
  }
  if (answer.error().code == ErrorCode::kNotFound && std::exchange(series->exists, false)) {
    TryAgain(key, *series, 0ms);
    return {};
  }
  if (answer.error().code == ErrorCode::kUnavailable && ++series->failures < kMaxTries) {
    TryAgain(key, *series, RetryDelay());
    return {};
  }
  // If it was written after all, this avoids a second one; if it wasn't, the next patch finds nothing.
  if (answer.error().code == ErrorCode::kOutcomeUnknown) series->exists = true;
  series->failures = 0;
  return answer;
}

std::optional<EventWrite> EventCorrelator::TakeRetry() {
  while (!retries_.empty() && retries_.begin()->first <= clock_.SteadyNow()) {
    const auto retry = retries_.extract(retries_.begin());
    Series* const series = series_.Use(retry.mapped());
    if (!series || series->retry_at != retry.key()) continue;
    series->retry_at.reset();
    return WriteOf(retry.mapped(), *series);
  }
  return std::nullopt;
}

std::optional<SteadyTime> EventCorrelator::next_retry() const {
  return retries_.empty() ? std::nullopt : std::optional(retries_.begin()->first);
}

EventCorrelator::Series EventCorrelator::NewSeries(EventRecord record) {
  const WallTime now = clock_.WallNow();
  // Events are named "<object>.<hexadecimal nanoseconds>", as kubectl and dashboards expect.
  const auto nanos = std::chrono::duration_cast<std::chrono::nanoseconds>(now.time_since_epoch()).count();
  last_suffix_ = std::max(last_suffix_ + 1, static_cast<uint64_t>(nanos));
  const ObjectReference& regarding = record.regarding;
  ObjectName name{regarding.ns.empty() ? kNamespaceOfTheRest : regarding.ns,
                  fmt::format("{}.{:x}", regarding.name.substr(0, kMaxNameBytes), last_suffix_)};
  return {.event = {.name = std::move(name), .record = std::move(record), .first_time = now, .last_time = now},
          .last_seen = clock_.SteadyNow()};
}

bool EventCorrelator::TakeFromBudget(const ObjectReference& regarding) {
  const SteadyTime now = clock_.SteadyNow();
  Budget* budget = budgets_.Use(regarding);
  if (!budget) budget = &budgets_.Put(regarding, {kBurst, now});
  budget->writes = std::min(kBurst, budget->writes + (now - budget->at) / kRefillTime);
  budget->at = now;
  if (budget->writes < 1.0) return false;
  budget->writes -= 1.0;
  return true;
}

EventWrite EventCorrelator::WriteOf(const EventKey& key, const Series& series) const {
  if (series.exists) return {key, EventWrite::Kind::kPatch, series.event.name, SeriesPatch(series.event)};
  return {key, EventWrite::Kind::kCreate, series.event.name, ToJson(series.event, source_)};
}

void EventCorrelator::TryAgain(const EventKey& key, Series& series, std::chrono::milliseconds delay) {
  series.retry_at = clock_.SteadyNow() + delay;
  retries_.emplace(*series.retry_at, key);
}

std::chrono::milliseconds EventCorrelator::RetryDelay() {
  const double stretch = std::uniform_real_distribution<>(1.0 - kRetryJitter, 1.0 + kRetryJitter)(random_);
  return std::chrono::duration_cast<std::chrono::milliseconds>(kRetryDelay * stretch);
}

}  // namespace fumehood::kube
