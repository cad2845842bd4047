// fumehood-scale-simulator KUBECONFIG NAMESPACE: plays many executors and those who create commands, and watches how
// long it takes. Reads orders from its standard input, one JSON object a line, and answers each with one on its
// standard output; the end of its input ends it. What it complains of, it says on its standard error, and goes on.
//
//   {"do": "start-executors", "count": 10, "slots": 100}   on nodes of their own; answered when all of them serve
//   {"do": "hold"}, {"do": "release"}                      no results are written in between
//   {"do": "create", "prefix": "a", "count": 100, "clients": 4, "per_second": 0, "node_selector": {}}
//   {"do": "await", "stage": "bound", "count": 100, "seconds": 60}   stage: waiting, bound or finished
//   {"do": "latencies", "stage": "bound"}                  milliseconds since each was asked for
//   {"do": "forget"}                                       the commands so far
//   {"do": "problems"}                                     how many results were refused so far
#include <sys/resource.h>

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "executor/resources.h"
#include "lib/base/json_fields.h"
#include "lib/base/time.h"
#include "lib/kube/client.h"
#include "lib/kube/config.h"
#include "lib/kube/cpprest_transport.h"
#include "lib/kube/parse_json.h"
#include "lib/kube/reflector.h"
#include "lib/service/periodically.h"
#include "tests/bench/scale/command_times.h"
#include "tests/bench/scale/creation.h"
#include "tests/bench/scale/results.h"
#include "tests/bench/scale/simulated_executor.h"

namespace fumehood::bench {
namespace {

using std::chrono::duration;
using std::chrono::milliseconds;
using std::chrono::seconds;

// As an executor's.
constexpr seconds kUpkeepPeriod{5};
constexpr seconds kServingPatience{120};
// So many begin their watches at once.
constexpr size_t kStartedAtOnce = 25;

double SecondsOf(std::chrono::nanoseconds time) { return duration<double>(time).count(); }

Result<CommandTimes::Stage> StageNamed(const std::string& name) {
  if (name == "waiting") return CommandTimes::Stage::kWaiting;
  if (name == "bound") return CommandTimes::Stage::kBound;
  if (name == "finished") return CommandTimes::Stage::kFinished;
  return Fail(ErrorCode::kInvalid, "\"{}\" is no stage of a command", name);
}

class Simulator {
 public:
  Simulator(kube::Client& client, std::string ns) : client_(client), ns_(std::move(ns)), results_(client) {
    watch_ = std::jthread([this](std::stop_token stop) {
      RunReflector(client_, {.type = executor::kSandboxCommands, .ns = ns_, .field_selector = "", .backoff = {}},
                   times_, stop);
    });
  }

  Result<kube::Json> Obey(const kube::Json& order) {
    const std::string what = StringAt(order, "do");
    if (what == "start-executors") return StartExecutors(IntegerAt(order, "count", 0), IntegerAt(order, "slots", 1));
    if (what == "create") return CreateCommands(order);
    if (what == "await") return Await(order);
    if (what == "latencies") return Latencies(order);
    if (what == "hold") results_.Hold();
    if (what == "release") results_.Release();
    if (what == "forget") times_.Clear();
    if (what == "hold" || what == "release" || what == "forget") return kube::Json::object();
    if (what == "problems") return kube::Json{{"refused_results", results_.refused()}};
    return Fail(ErrorCode::kInvalid, "\"{}\" is no order", what);
  }

 private:
  Result<kube::Json> StartExecutors(int64_t count, int64_t slots) {
    std::vector<std::unique_ptr<SimulatedExecutor>> started;
    for (int64_t i = 0; i < count; ++i) {
      auto simulated = SimulatedExecutor::Start({.client = client_,
                                                 .clock = clock_,
                                                 .results = results_,
                                                 .ns = ns_,
                                                 .node_name = fmt::format("simulated-{:05}", started_++),
                                                 .slots = slots});
      if (!simulated) return Forward(std::move(simulated));
      started.push_back(std::move(*simulated));
      if (started.size() % kStartedAtOnce != 0 && i + 1 < count) continue;
      if (Status serving = AwaitServing(started); !serving) return Forward(std::move(serving));
    }
    std::lock_guard lock(mutex_);
    std::ranges::move(started, std::back_inserter(executors_));
    return kube::Json{{"executors", executors_.size()}};
  }

  Status AwaitServing(const std::vector<std::unique_ptr<SimulatedExecutor>>& started) const {
    const SteadyTime deadline = clock_.SteadyNow() + kServingPatience;
    while (!std::ranges::all_of(started, [](const auto& one) { return one->IsServing(); })) {
      if (clock_.SteadyNow() > deadline) {
        return Fail(ErrorCode::kUnavailable, "not all executors serve after {} s", kServingPatience.count());
      }
      std::this_thread::sleep_for(milliseconds(5));
    }
    return {};
  }

  Result<kube::Json> CreateCommands(const kube::Json& order) {
    const kube::Json& rate = FieldAt(order, "per_second");
    const auto taken = Create(client_,
                              {.ns = ns_,
                               .prefix = StringAt(order, "prefix"),
                               .count = IntegerAt(order, "count", 0),
                               .clients = IntegerAt(order, "clients", 1),
                               .per_second = rate.is_number() ? rate.get<double>() : 0,
                               .node_selector = StringMapAt(order, "node_selector")},
                              times_);
    if (!taken) return std::unexpected(taken.error());
    return kube::Json{{"seconds", SecondsOf(*taken)}};
  }

  Result<kube::Json> Await(const kube::Json& order) {
    const auto stage = StageNamed(StringAt(order, "stage"));
    if (!stage) return std::unexpected(stage.error());
    const auto count = static_cast<size_t>(IntegerAt(order, "count", 0));
    const auto progress = times_.Await(*stage, count, seconds(IntegerAt(order, "seconds", 60)));
    return kube::Json{{"count", progress.count}, {"at", SecondsOf(progress.at.time_since_epoch())}};
  }

  Result<kube::Json> Latencies(const kube::Json& order) const {
    const auto stage = StageNamed(StringAt(order, "stage"));
    if (!stage) return std::unexpected(stage.error());
    kube::Json times = kube::Json::array();
    for (const auto latency : times_.Latencies(*stage)) times.push_back(1'000 * SecondsOf(latency));
    return kube::Json{{"milliseconds", std::move(times)}};
  }

  kube::Client& client_;
  const std::string ns_;
  const SystemClock clock_;
  CommandTimes times_;
  Results results_;
  int64_t started_ = 0;
  std::mutex mutex_;  // guards executors_
  std::vector<std::unique_ptr<SimulatedExecutor>> executors_;
  std::jthread watch_;
  service::Periodically upkeep_{"upkeep", kUpkeepPeriod, [this](std::stop_token stop) {
                                  std::lock_guard lock(mutex_);
                                  for (const auto& one : executors_) one->Upkeep(stop);
                                }};
};

// Each watch has a connection of its own, as on as many nodes.
void AllowManyConnections() {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

// cpprestsdk reads the system's authorities anew for each connection, for some 20 ms, though the kubeconfig has one of
// its own: of as many nodes, each has a processor for that.
void UseNoSystemAuthorities() {
  setenv("SSL_CERT_FILE", "/dev/null", 1);
  setenv("SSL_CERT_DIR", "/dev/null", 1);
}

int Run(const std::string& kubeconfig, const std::string& ns) {
  AllowManyConnections();
  UseNoSystemAuthorities();
  auto config = kube::LoadKubeconfig(kubeconfig);
  auto transport = config ? kube::CppRestTransport::Create(std::move(*config)) : std::unexpected(config.error());
  if (!transport) {
    fmt::print(stderr, "fumehood-scale-simulator: {}\n", transport.error().message);
    return 2;
  }
  kube::Client client(**transport, "fumehood-scale-simulator");
  Simulator simulator(client, ns);
  for (std::string line; std::getline(std::cin, line);) {
    const auto order = kube::ParseJson(line);
    const auto answer = order ? simulator.Obey(*order) : std::unexpected(order.error());
    std::cout << (answer ? *answer : kube::Json{{"error", answer.error().message}}).dump() << std::endl;
  }
  // Whatever is under way is nobody's business any more, and a thousand threads take their time.
  kube::ExitProcess(0);
}

}  // namespace
}  // namespace fumehood::bench

int main(int argc, char** argv) {
  if (argc != 3) {
    fmt::print(stderr, "usage: fumehood-scale-simulator KUBECONFIG NAMESPACE\n");
    return 2;
  }
  fumehood::kube::ExitProcess(fumehood::bench::Run(argv[1], argv[2]));
}
