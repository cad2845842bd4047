// fumehood-executor: runs the SandboxCommands that are bound to its node, each in a gVisor sandbox of its own.
#include <pthread.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <utility>

#include "executor/executor.h"
#include "executor/image_trials.h"
#include "executor/ledger.h"
#include "executor/metrics.h"
#include "executor/options.h"
#include "executor/registration.h"
#include "executor/reporter.h"
#include "executor/resources.h"
#include "lib/api/configuration.h"
#include "lib/api/read_configuration.h"
#include "lib/base/time.h"
#include "lib/kube/client.h"
#include "lib/kube/config.h"
#include "lib/kube/cpprest_transport.h"
#include "lib/kube/lease_holder.h"
#include "lib/kube/observed_transport.h"
#include "lib/kube/reflector.h"
#include "lib/kube/server_url.h"
#include "lib/kube/workers.h"
#include "lib/sandbox/containment.h"
#include "lib/sandbox/runsc_runner.h"
#include "lib/service/command_line.h"
#include "lib/service/http_endpoint.h"
#include "lib/service/log.h"
#include "lib/service/metrics.h"
#include "lib/service/periodically.h"
#include "lib/service/reloaded.h"
#include "lib/service/termination.h"
#include "lib/telemetry/kube_metrics.h"

namespace fumehood::executor {
namespace {

using service::kv;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::string_view kComponent = "fumehood-executor";
// How often the ledger is looked after, and the registration with it.
constexpr seconds kUpkeepPeriod{5};
// How often the configuration is looked at.
constexpr seconds kConfigPeriod{2};
// A watch that could not be had for so long is stale.
constexpr seconds kWatchPatience{30};
// Results are written by so many threads at most: each takes a few milliseconds.
constexpr int64_t kMaxReporters = 8;

Offer MakeOffer(const Options& options, const sandbox::RunscRunner& runner) {
  const sandbox::Isolation isolation = runner.isolation();
  return {.node_name = options.node_name,
          .executor = options.pod,
          .slots = options.slots,
          .allocatable = options.allocatable,
          .handler = options.handler,
          .runtime = {isolation.runtime, isolation.version, isolation.platform}};
}

// The unfinished commands of this node.
kube::ReflectorOptions CommandsOf(const std::string& node_name, kube::WatchHealth& health) {
  return {.type = kSandboxCommands,
          .ns = "",
          .field_selector = fmt::format("status.nodeName={},{}", node_name, api::kUnfinishedSelector),
          .backoff = {},
          .health = &health};
}

kube::LeaseHolderOptions LeaseOptions(const Options& options, const std::string& ns) {
  const auto duration = std::chrono::ceil<seconds>(options.lease_duration);
  std::random_device random;
  return {.lease = {ns, std::string(api::kExecutorLeasePrefix) + options.node_name},
          .identity = fmt::format("{}_{:08x}", options.pod.pod_name, random()),
          .metadata = {{"labels", {{"app.kubernetes.io/part-of", "fumehood"}}}},
          .lease_duration = duration,
          .renew_period = options.lease_renew_period,
          .safety_margin = std::min<milliseconds>(seconds(5), duration / 8)};
}

// Another executor of the node has taken over, which the ledger's lock should have prevented.
void OnLeaseLost(const service::Log& log, service::Termination& termination, const std::string& rival) {
  log.Error("another executor holds the lease of this node; this one ends", {kv("holder", rival)});
  termination.RequestStop();
}

// What runs may run on for the grace period but for its end, in which it is killed and handed back.
void DrainAndEnd(Executor& executor, Reporter& reporter, milliseconds grace_period, std::stop_token hurry) {
  const milliseconds for_the_rest = std::min<milliseconds>(seconds(5), grace_period / 2);
  executor.Drain();
  executor.WaitUntilNothingRuns(grace_period - for_the_rest, hurry);
  executor.KillAll();
  executor.WaitUntilNothingRuns(for_the_rest / 2, {});
  // What can't be reported now is in the ledger, for the next executor of the node.
  reporter.WaitUntilNothingIsPending(for_the_rest / 2, hurry);
}

// Serves until the process is told to end.
Status Serve(const Options& options, const service::Log& log) {
  auto cgroups = sandbox::CgroupParent::Open(options.cgroup_parent);
  if (!cgroups) {
    if (options.runsc.without_cgroups == sandbox::WithoutCgroups::kRefuseLimits) {
      return Fail(cgroups.error().code,
                  "commands can't be limited here ({}); --without-cgroups runs them without limits of memory and CPU",
                  cgroups.error().message);
    }
    log.Warning("no limits of memory and CPU", {kv("why", cgroups.error().message)});
  }
  if (Status contained = sandbox::EnterContainment(options.runsc.state); !contained) return contained;
  auto termination = service::Termination::Watch();
  if (!termination) return Forward(std::move(termination));
  auto ledger = Ledger::Open(options.ledger);
  if (!ledger) return Forward(std::move(ledger));
  for (const std::string& problem : (*ledger)->problems()) log.Warning("ledger damaged", {kv("what", problem)});
  service::Metrics metrics;
  auto configuration =
      service::Reloaded<api::Configuration>::Open(options.common.config, api::ReadConfiguration, log, metrics);
  if (!configuration) return Forward(std::move(configuration));
  sandbox::RunscOptions runsc = options.runsc;
  runsc.on_pool_failure = [&log](const Error& error) { log.Warning("no warm sandbox", {kv("error", error.message)}); };
  // What most commands will have.
  runsc.pool_memory_bytes = static_cast<uint64_t>((*configuration)->Get()->RulesOf("").resources.memory_bytes);
  auto runner = sandbox::RunscRunner::Create(runsc, std::move(cgroups));
  if (!runner) return Forward(std::move(runner));
  for (const auto& refused : (*runner)->refused_images()) {
    log.Warning("image not offered", {kv("image", refused.name), kv("why", refused.reason)});
  }
  auto config = kube::LoadConfig(options.common.kubeconfig);
  if (!config) return Forward(std::move(config));
  const auto url = kube::ParseServerUrl(config->server);
  if (!url) return std::unexpected(url.error());
  const std::string ns = options.common.ns.empty() ? config->default_namespace : options.common.ns;
  const Offer offer = MakeOffer(options, **runner);
  log.Info("executor starts", {kv("node", options.node_name), kv("server", config->server), kv("slots", options.slots),
                               kv("runsc", offer.runtime.version)});
  auto transport = kube::CppRestTransport::Create(std::move(*config));
  if (!transport) return Forward(std::move(transport));
  const SystemClock clock;
  const BootTimeClock lease_clock;
  telemetry::RestClientMetrics requests(metrics, kube::HostAndPort(*url));
  kube::ObservedTransport observed(**transport, requests, clock);
  kube::Client client(observed, std::string(kComponent));
  ExecutorMetrics executor_metrics(metrics, options.slots);
  telemetry::WorkQueueMetrics attempts_observer(metrics, "attempts");
  telemetry::WorkQueueMetrics reports_observer(metrics, "reports");
  telemetry::ReconcileMetrics slots_observer(metrics, "attempts");
  telemetry::ReconcileMetrics reporters_observer(metrics, "reports");
  auto lease = kube::LeaseHolder::Create(
      client, lease_clock, LeaseOptions(options, ns),
      {.on_lost = [&](const std::string& rival) { OnLeaseLost(log, *termination, rival); },
       .on_problem = [&](const Error& error) { log.Warning("lease not renewed", {kv("error", error.message)}); }});
  if (!lease) return Forward(std::move(lease));

  ImageTrials trials((*runner)->images(), [&runner](const std::string& image) { return (*runner)->TryImage(image); },
                     [&log](const std::string& image, const Status& outcome) {
                       if (outcome) return log.Info("image offered", {kv("image", image)});
                       log.Error("image not offered", {kv("image", image), kv("why", outcome.error().message)});
                     });
  Registration registration(client, clock, offer);
  std::atomic<bool> draining = false;
  const auto register_now = [&](std::stop_token stop) {
    const Status healthy = (*ledger)->health();
    const Readiness readiness = draining  ? Draining(trials.standing())
                                : healthy ? ReadinessOf(trials.Look())
                                          : LedgerUnavailable(healthy.error(), trials.standing());
    const Status registered = registration.Refresh(readiness, stop);
    if (!registered && !stop.stop_requested()) {
      log.Warning("not registered, will try again", {kv("error", registered.error().message)});
    }
  };

  Reporter reporter({client, **ledger, clock, log, executor_metrics, &reports_observer});
  Executor executor({clock, log, **runner, **ledger, reporter, executor_metrics, [&] { return (*lease)->IsHeld(); },
                     options.handler, [&] { return (*configuration)->Get(); }, &attempts_observer,
                     [&trials] { trials.Doubt(); }});
  attempts_observer.LookAt(executor.attempts());
  reports_observer.LookAt(reporter.pending());
  metrics.OnRender([&] {
    executor_metrics.SetReportsPending(static_cast<int64_t>(reporter.pending_count()));
    executor_metrics.SetLedgerHealthy((*ledger)->health().has_value());
    executor_metrics.SetLeaseHeld((*lease)->IsHeld());
    executor_metrics.SetWarmSandboxes((*runner)->waiting_sandboxes());
  });
  kube::WatchHealth watch_health;
  service::EndpointContent content;
  content.metrics = [&metrics] { return metrics.Render(); };
  content.ready.Add("ledger", [&] { return (*ledger)->health(); });
  content.ready.Add("lease", [&]() -> Status {
    if ((*lease)->IsHeld()) return {};
    return Fail(ErrorCode::kUnavailable, "the lease of this node's executor is not held");
  });
  content.ready.Add("watch-commands", [&] { return watch_health.Check(clock.SteadyNow(), kWatchPatience); });
  const auto endpoint = service::HttpEndpoint::Start(options.common.http_address, std::move(content));
  if (!endpoint) return std::unexpected(endpoint.error());

  executor.Recover((*ledger)->entries());
  {
    const kube::Workers<AttemptKey> reporters(
        reporter.pending(), static_cast<int>(std::min(options.slots, kMaxReporters)), "report",
        [&reporter](const AttemptKey& key, std::stop_token stop) { return reporter.Deliver(key, stop); },
        &reporters_observer);
    std::jthread watch([&](std::stop_token stop) {
      RunReflector(client, CommandsOf(options.node_name, watch_health), executor.commands_sink(), stop);
    });
    pthread_setname_np(watch.native_handle(), "watch-commands");
    const kube::Workers<AttemptKey> slots(
        executor.attempts(), static_cast<int>(options.slots), "slot",
        [&executor](const AttemptKey& key, std::stop_token stop) { return executor.RunAttempt(key, stop); },
        &slots_observer);
    const kube::Workers<AttemptKey> progress(
        executor.long_running(), 1, "progress",
        [&executor](const AttemptKey& key, std::stop_token stop) { return executor.MentionRunning(key, stop); });
    const service::Periodically reloader("config", kConfigPeriod,
                                         [&](std::stop_token) { (*configuration)->Refresh(); });
    const service::Periodically upkeep("upkeep", kUpkeepPeriod, [&](std::stop_token stop) {
      (*ledger)->Maintain();
      register_now(stop);
    });

    termination->Wait();
    log.Info("executor ends", {kv("grace_seconds", std::chrono::floor<seconds>(options.grace_period).count())});
    draining = true;
    std::jthread say_so([&](std::stop_token stop) { register_now(stop); });
    // Beside the drain: what is just being started would hold it up.
    std::jthread throw_away([&runner] { (*runner)->DrainPool(); });
    DrainAndEnd(executor, reporter, options.grace_period, termination->hurry_token());
  }
  log.Info("executor has ended");
  return {};
}

int Run(int argc, char** argv) {
  Options options;
  const service::Program program{.name = std::string(kComponent),
                                 .description = "Runs the SandboxCommands that are bound to its node.",
                                 .add_options = [&](CLI::App& app) { AddOptions(app, options); },
                                 .serve = [&](const service::Log& log) { return Serve(options, log); }};
  return service::RunProgram(argc, argv, program, options.common);
}

}  // namespace
}  // namespace fumehood::executor

int main(int argc, char** argv) { fumehood::kube::ExitProcess(fumehood::executor::Run(argc, argv)); }
