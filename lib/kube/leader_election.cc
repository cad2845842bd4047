#include "lib/kube/leader_election.h"

#include <pthread.h>

#include <algorithm>
#include <random>
#include <utility>
#include <variant>

#include "lib/base/sleep.h"

namespace fumehood::kube {
namespace {

using namespace std::chrono_literals;

// How long the watchdog waits at most: waits don't go on while the machine is suspended, the clock does.
constexpr std::chrono::milliseconds kLongestLook = 250ms;
constexpr std::chrono::milliseconds kShortestLook = 1ms;

// Found out by asking, and part of the election.
bool IsProblem(const Error& error) {
  return error.code != ErrorCode::kNotFound && error.code != ErrorCode::kConflict &&
         error.code != ErrorCode::kAlreadyExists;
}

}  // namespace

Result<std::unique_ptr<LeaderElector>> LeaderElector::Create(Client& client, const Clock& clock,
                                                             ElectionOptions options, AtEnd at_end,
                                                             Callbacks callbacks) {
  if (Status valid = Validate(options); !valid) return Forward(std::move(valid));
  return std::unique_ptr<LeaderElector>(
      new LeaderElector(client, clock, std::move(options), at_end, std::move(callbacks)));
}

LeaderElector::LeaderElector(Client& client, const Clock& clock, ElectionOptions options, AtEnd at_end,
                             Callbacks callbacks)
    : client_(client.WithTimeLimit(options.renew_deadline / 2)),
      clock_(clock),
      options_(std::move(options)),
      at_end_(at_end),
      callbacks_(std::move(callbacks)),
      campaign_([this](std::stop_token stop) { Campaign(stop); }),
      watchdog_([this](std::stop_token stop) { Watch(stop); }) {
  pthread_setname_np(campaign_.native_handle(), "election");
  pthread_setname_np(watchdog_.native_handle(), "lease-watchdog");
}

LeaderElector::~LeaderElector() {
  loss_reported_.test_and_set();
  watchdog_.request_stop();
  campaign_.request_stop();
}

void LeaderElector::Campaign(std::stop_token stop) {
  Candidate candidate(options_, leadership_, std::random_device{}());
  Candidate::Step step = candidate.Try(Now());
  while (!stop.stop_requested() && !std::holds_alternative<Candidate::Over>(step)) {
    step = Perform(candidate, step, stop);
    Report(candidate);
  }
  if (leadership_.has_ended()) return;
  if (at_end_ == AtEnd::kKeep) return leadership_.End();
  step = candidate.Release(Now());
  while (!std::holds_alternative<Candidate::Over>(step)) step = Perform(candidate, step, {});
}

// Sends what the step says, or waits; returns the next step.
Candidate::Step LeaderElector::Perform(Candidate& candidate, const Candidate::Step& step, const std::stop_token& stop) {
  if (const auto* wait = std::get_if<Candidate::Wait>(&step)) {
    SleepUnlessStopped(wait->delay, stop);
    return candidate.Try(Now());
  }
  Result<Lease> answer;
  if (const auto* create = std::get_if<Candidate::Create>(&step)) {
    answer = CreateLease(client_, create->lease, stop);
  } else if (const auto* update = std::get_if<Candidate::Update>(&step)) {
    answer = UpdateLease(client_, update->lease, stop);
  } else {
    answer = GetLease(client_, options_.lease, stop);
  }
  if (!answer && IsProblem(answer.error()) && !stop.stop_requested()) callbacks_.on_problem(answer.error());
  return candidate.Answered(std::move(answer), Now());
}

void LeaderElector::Report(const Candidate& candidate) {
  if (const std::string leader = candidate.leader(); !leader.empty() && leader != reported_leader_) {
    reported_leader_ = leader;
    callbacks_.on_new_leader(leader);
  }
  if (!election_reported_ && IsLeader()) {
    election_reported_ = true;
    callbacks_.on_elected();
  }
  if (leadership_.has_ended()) ReportLossOnce();
}

void LeaderElector::ReportLossOnce() {
  if (!loss_reported_.test_and_set()) callbacks_.on_lost();
}

void LeaderElector::Watch(std::stop_token stop) {
  std::chrono::milliseconds delay = kLongestLook;
  while (SleepUnlessStopped(delay, stop)) {
    const SteadyTime now = clock_.SteadyNow();
    leadership_.EndIfOverdue(now);
    if (leadership_.has_ended()) return ReportLossOnce();
    delay = kLongestLook;
    if (const SteadyTime until = leadership_.until(); until > now) {
      delay = std::clamp(std::chrono::ceil<std::chrono::milliseconds>(until - now), kShortestLook, kLongestLook);
    }
  }
}

}  // namespace fumehood::kube
