#include "tests/bench/scale/simulated_executor.h"

#include <fmt/format.h>
#include <pthread.h>

#include <utility>

#include "executor/resources.h"
#include "lib/api/names.h"
#include "lib/kube/reflector.h"

namespace fumehood::bench {
namespace {

using std::chrono::seconds;

const kube::ResourceType kNodes{"", "v1", "nodes", kube::Scope::kCluster};
// As long as an executor's watch may be away before it counts as unready.
constexpr seconds kWatchPatience{30};

// What every command of the benchmark asks for.
constexpr const char* kImage = "default";

executor::Offer OfferOf(const SimulatedExecutor::Parts& parts) {
  return {.node_name = parts.node_name,
          .executor = {.pod_name = "fumehood-executor-" + parts.node_name, .pod_uid = "simulated-" + parts.node_name},
          .slots = parts.slots,
          // Enough for a command of the default size in every slot: slots are what runs out.
          .allocatable = {.cpu_millis = parts.slots * 4'000, .memory_bytes = parts.slots * (int64_t{4} << 30)},
          .handler = "runsc",
          .runtime = {"runsc", "simulated", "systrap"}};
}

void PrintProblem(const std::string& node_name, const Error& error) {
  fmt::print(stderr, "{}: {}\n", node_name, error.message);
}

}  // namespace

SimulatedExecutor::SimulatedExecutor(const Parts& parts)
    : parts_(parts),
      registration_(parts_.client, parts_.clock, OfferOf(parts_)),
      commands_(api::ReadSandboxCommand,
                {.on_change =
                     [this](const auto& before, const auto& after) {
                       if (!after) return assignments_.Leave(before->metadata.uid);
                       if (after->IsBound() && assignments_.Take(executor::KeyOf(*after))) parts_.results.Owe(after);
                     },
                 .on_problem = [this](const Error& error) { PrintProblem(parts_.node_name, error); }}) {}

Result<std::unique_ptr<SimulatedExecutor>> SimulatedExecutor::Start(const Parts& parts) {
  std::unique_ptr<SimulatedExecutor> simulated(new SimulatedExecutor(parts));
  const kube::Json node = {{"apiVersion", "v1"},
                           {"kind", "Node"},
                           {"metadata", {{"name", parts.node_name}, {"labels", {{"kubernetes.io/os", "linux"}}}}}};
  if (auto made = parts.client.Create(kNodes, "", node); !made) return Forward(std::move(made));
  if (Status registered =
          simulated->registration_.Refresh(executor::ReadinessOf({.usable = {kImage}, .problem = {}}), {});
      !registered) {
    return Forward(std::move(registered));
  }
  auto lease = kube::LeaseHolder::Create(
      parts.client, parts.clock,
      {.lease = {parts.ns, std::string(api::kExecutorLeasePrefix) + parts.node_name},
       .identity = "simulated-" + parts.node_name,
       .metadata = {{"labels", {{"app.kubernetes.io/part-of", "fumehood"}}}}},
      {.on_lost =
           [node_name = parts.node_name](const std::string& rival) {
             fmt::print(stderr, "{}: its lease is held by {}\n", node_name, rival);
           },
       .on_problem = [node_name = parts.node_name](const Error& error) { PrintProblem(node_name, error); }});
  if (!lease) return Forward(std::move(lease));
  simulated->lease_ = std::move(*lease);
  simulated->watch_ = std::jthread([self = simulated.get()](std::stop_token stop) { self->Watch(stop); });
  pthread_setname_np(simulated->watch_.native_handle(), "watch-commands");
  return simulated;
}

void SimulatedExecutor::Watch(std::stop_token stop) {
  const kube::ReflectorOptions options{
      .type = executor::kSandboxCommands,
      .ns = "",
      .field_selector = fmt::format("status.nodeName={},{}", parts_.node_name, api::kUnfinishedSelector),
      .backoff = {},
      .health = &watch_health_};
  RunReflector(parts_.client, options, commands_, stop);
}

bool SimulatedExecutor::IsServing() const {
  return lease_->IsHeld() && watch_health_.Check(parts_.clock.SteadyNow(), kWatchPatience).has_value();
}

void SimulatedExecutor::Upkeep(std::stop_token stop) {
  const Status refreshed = registration_.Refresh(executor::ReadinessOf({.usable = {kImage}, .problem = {}}), stop);
  if (!refreshed && !stop.stop_requested()) PrintProblem(parts_.node_name, refreshed.error());
}

}  // namespace fumehood::bench
