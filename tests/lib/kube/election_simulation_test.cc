// Candidates, one API server, a network that delays, loses and reorders, processes that are paused, crash and leave, in
// simulated time: there must never be two leaders, and one again when the trouble is over. A failure prints its seed.
// FUMEHOOD_SIMULATION_SEEDS says how many there are.
#include <gtest/gtest.h>

#include <cstdlib>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "lib/kube/candidate.h"
#include "tests/fakes/fake_api_server.h"

namespace fumehood::kube {
namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;

const ObjectName kName{"system", "controller"};
constexpr milliseconds kTrouble = 20min;
constexpr milliseconds kPeace = 3min;
constexpr milliseconds kRequestTimeout = 5s;
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
constexpr unsigned kSeeds = 1;  // slow, and one thread: there is no more to find for them
#else
constexpr unsigned kSeeds = 15;
#endif

struct Faults {
  const char* name;
  bool slow = false;         // requests and answers take long, also longer than any deadline
  bool lose = false;         // writes are carried out and their answers lost, or are never sent
  bool pause = false;        // processes stand still for up to 40 s
  bool outages = false;      // the server is away for up to 40 s
  bool crash = false;        // processes end, and others take their place
  bool leave = false;        // processes end in good order and release
  bool erase = false;        // somebody deletes the lease, which everyone has seen
  bool edit = false;         // somebody labels the lease
  bool clock_rates = false;  // clocks run up to 15 % too fast or too slow
};

class Simulation {
 public:
  Simulation(const Faults& faults, int candidates, unsigned seed) : faults_(faults), random_(seed) {
    for (int i = 0; i < candidates; ++i) Start(static_cast<size_t>(i));
    At(Random(1s, 30s), [this] { Disturb(); });
  }

  // The most leaders that there were at once.
  size_t Run() {
    while (!events_.empty() && now_ < kTrouble + kPeace) {
      auto event = events_.extract(events_.begin());
      now_ = event.key();
      event.mapped()();
      most_leaders_ = std::max(most_leaders_, Leaders());
      ++steps_;
    }
    return most_leaders_;
  }
  size_t Leaders() const {
    size_t leaders = 0;
    for (const auto& process : processes_) leaders += process->leadership.IsHeld(MomentOf(*process).steady) ? 1 : 0;
    return leaders;
  }
  int steps() const { return steps_; }
  int elections() const { return elections_; }

 private:
  struct Process {
    size_t place = 0;
    std::unique_ptr<Candidate> candidate;
    Leadership leadership;
    double rate = 1.0;
    milliseconds offset{0};  // of the steady clock
    milliseconds wall_offset{0};
    milliseconds stands_still_until{0};
    bool counted = false;
  };

  bool Trouble() const { return now_ < kTrouble; }
  bool Chance(int percent) { return Trouble() && std::uniform_int_distribution<>(1, 100)(random_) <= percent; }
  milliseconds Random(milliseconds from, milliseconds to) {
    return milliseconds(std::uniform_int_distribution<int64_t>(from.count(), to.count())(random_));
  }
  void At(milliseconds when, std::function<void()> what) { events_.emplace(std::max(when, now_), std::move(what)); }

  Moment MomentOf(const Process& process) const {
    const auto steady = std::chrono::duration_cast<milliseconds>(now_ * process.rate) + process.offset;
    return {SteadyTime{} + steady, WallTime{} + std::chrono::days(20'000) + now_ / 7 + process.wall_offset};
  }

  void Start(size_t place) {
    auto process = std::make_shared<Process>();
    process->place = place;
    process->candidate = std::make_unique<Candidate>(
        ElectionOptions{.lease = kName, .identity = "candidate-" + std::to_string(++started_)}, process->leadership,
        static_cast<unsigned>(random_()));
    if (faults_.clock_rates) process->rate = std::uniform_real_distribution<>(0.85, 1.15)(random_);
    process->offset = Random(1h, 1000h);
    process->wall_offset = Random(-1000h, 1000h);
    if (processes_.size() <= place) processes_.resize(place + 1);
    processes_[place] = process;
    // Who has never seen the lease makes it at once, so nobody is that new while a leader may have lost it.
    const milliseconds start = faults_.erase ? 15s : Random(0ms, 3s);
    When(process, now_ + start, [this, process] { return process->candidate->Try(MomentOf(*process)); });
  }
  bool IsGone(const std::shared_ptr<Process>& process) const { return processes_[process->place] != process; }

  // Calls `act` when the process runs again, unless it is gone by then.
  void When(const std::shared_ptr<Process>& process, milliseconds when, std::function<Candidate::Step()> act) {
    At(when, [this, process, act = std::move(act)] {
      if (IsGone(process)) return;
      if (process->stands_still_until > now_) return When(process, process->stands_still_until, act);
      Continue(process, act());
    });
  }

  void Continue(const std::shared_ptr<Process>& process, const Candidate::Step& step) {
    if (faults_.pause && Chance(3)) process->stands_still_until = now_ + Random(0ms, 40s);
    if (process->leadership.has_begun() && !std::exchange(process->counted, true)) ++elections_;
    if (const auto* wait = std::get_if<Candidate::Wait>(&step)) {
      When(process, now_ + wait->delay, [this, process] { return process->candidate->Try(MomentOf(*process)); });
    } else if (std::holds_alternative<Candidate::Over>(step)) {
      Start(process->place);
    } else {
      Send(process, step);
    }
  }

  // A request may arrive long after its sender has given up, or is gone.
  void Send(const std::shared_ptr<Process>& process, const Candidate::Step& step) {
    const milliseconds sent = process->stands_still_until > now_ ? process->stands_still_until : now_;
    const bool read = std::holds_alternative<Candidate::Read>(step);
    const Error unknown{read ? ErrorCode::kUnavailable : ErrorCode::kOutcomeUnknown, "no answer"};
    const auto answer = [this, process](milliseconds when, Result<Lease> result) {
      When(process, when, [this, process, result = std::move(result)] {
        return process->candidate->Answered(result, MomentOf(*process));
      });
    };
    if (faults_.lose && Chance(5)) return answer(sent + 1ms, Fail(ErrorCode::kUnavailable, "not sent"));
    const milliseconds arrival = sent + Delay();
    const milliseconds way_back = Delay();
    const bool lost = faults_.lose && Chance(8);
    // Now and then an answer is taken although its time was over: the process was busy, and finds it in its socket.
    const bool in_time = arrival + way_back - sent < kRequestTimeout || Chance(30);
    At(arrival, [this, step, answer, unknown, arrives_back = arrival + way_back, taken = !lost && in_time] {
      Result<Lease> result = Perform(step);
      if (taken) answer(arrives_back, std::move(result));
    });
    if (lost || !in_time) answer(sent + kRequestTimeout, std::unexpected(unknown));
  }
  milliseconds Delay() {
    if (faults_.slow && Chance(25)) return Random(0ms, 12s);
    return Random(1ms, 50ms);
  }

  Result<Lease> Perform(const Candidate::Step& step) {
    if (now_ < away_until_) return Fail(ErrorCode::kUnavailable, "the server is away");
    if (const auto* create = std::get_if<Candidate::Create>(&step)) return CreateLease(client_, create->lease, {});
    if (const auto* update = std::get_if<Candidate::Update>(&step)) return UpdateLease(client_, update->lease, {});
    return GetLease(client_, kName, {});
  }

  void Disturb() {
    if (!Trouble()) return;
    const auto& process = processes_[std::uniform_int_distribution<size_t>(0, processes_.size() - 1)(random_)];
    if (faults_.outages && Chance(20)) away_until_ = now_ + Random(0ms, 40s);
    if (faults_.erase && Chance(20)) Erase();
    if (faults_.edit && Chance(30)) Label();
    if (faults_.crash && Chance(20)) {
      Start(process->place);
    } else if (faults_.leave && Chance(20) && process->stands_still_until <= now_) {
      Leave(process->place);
    }
    At(now_ + Random(1s, 30s), [this] { Disturb(); });
  }
  // The process' other events are those of a predecessor from now on.
  void Leave(size_t place) {
    auto leaving = std::make_shared<Process>();
    auto& old = *processes_[place];
    leaving->place = place;
    leaving->rate = old.rate;
    leaving->offset = old.offset;
    leaving->wall_offset = old.wall_offset;
    const Candidate::Step step = old.candidate->Release(MomentOf(old));
    leaving->candidate = std::move(old.candidate);
    kept_.push_back(processes_[place]);  // the candidate still refers to its leadership
    processes_[place] = leaving;
    Continue(leaving, step);
  }
  void Erase() {
    // Who looks only between one deletion and the next can't tell them from one.
    if (now_ < erased_at_ + 90s || !server_.Find(kLeases, kName)) return;
    for (const auto& process : processes_) {
      if (process->candidate->leader().empty()) return;
    }
    server_.Erase(kLeases, kName);
    erased_at_ = now_;
  }
  void Label() {
    auto lease = server_.Find(kLeases, kName);
    if (!lease) return;
    (*lease)["metadata"]["labels"]["at"] = std::to_string(now_.count());
    server_.Put(kLeases, *lease);
  }

  const Faults faults_;
  std::minstd_rand random_;
  FakeApiServer server_;
  Client client_{server_, "simulation"};
  std::multimap<milliseconds, std::function<void()>> events_;
  std::vector<std::shared_ptr<Process>> processes_;
  std::vector<std::shared_ptr<Process>> kept_;
  milliseconds now_{0};
  milliseconds away_until_{0};
  milliseconds erased_at_{0};
  size_t most_leaders_ = 0;
  int started_ = 0;
  int steps_ = 0;
  int elections_ = 0;
};

class ElectionSimulationTest : public testing::TestWithParam<Faults> {};

TEST_P(ElectionSimulationTest, NeverHasTwoLeadersAndHasOneInTheEnd) {
  const char* const wanted = std::getenv("FUMEHOOD_SIMULATION_SEEDS");
  const unsigned seeds = wanted ? static_cast<unsigned>(std::atoi(wanted)) : kSeeds;
  int steps = 0;
  int elections = 0;
  for (unsigned seed = 1; seed <= seeds; ++seed) {
    Simulation simulation(GetParam(), 2 + static_cast<int>(seed % 2), seed);
    const size_t most = simulation.Run();
    steps += simulation.steps();
    elections += simulation.elections();
    ASSERT_LE(most, 1U) << "seed " << seed;
    ASSERT_EQ(simulation.Leaders(), 1U) << "seed " << seed;
  }
  RecordProperty("steps", steps);
  RecordProperty("elections", elections);
  EXPECT_GT(steps, 1'000);
}

INSTANTIATE_TEST_SUITE_P(
    Faults, ElectionSimulationTest,
    testing::Values(Faults{.name = "None"}, Faults{.name = "AnswersBeyondTheDeadline", .slow = true},
                    Faults{.name = "AnswersLost", .lose = true}, Faults{.name = "ProcessesPaused", .pause = true},
                    Faults{.name = "ServerAway", .outages = true},
                    Faults{.name = "ProcessesCrash", .lose = true, .crash = true},
                    Faults{.name = "ProcessesLeave", .slow = true, .leave = true},
                    Faults{.name = "LeaseDeleted", .slow = true, .pause = true, .erase = true},
                    Faults{.name = "LeaseEdited", .slow = true, .edit = true},
                    Faults{.name = "ClocksOfDifferentRates", .slow = true, .pause = true, .clock_rates = true},
                    Faults{.name = "Everything",
                           .slow = true,
                           .lose = true,
                           .pause = true,
                           .outages = true,
                           .crash = true,
                           .leave = true,
                           .edit = true,
                           .clock_rates = true}),
    [](const auto& row) { return std::string(row.param.name); });

}  // namespace
}  // namespace fumehood::kube
