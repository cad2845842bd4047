// fumehood-controller: brings each SandboxCommand to its end.
#include <pthread.h>
#include <unistd.h>

#include <array>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <utility>

#include "controller/apply.h"
#include "controller/cluster_view.h"
#include "controller/metrics.h"
#include "controller/options.h"
#include "controller/reconciler.h"
#include "controller/resources.h"
#include "controller/retention.h"
#include "lib/api/configuration.h"
#include "lib/api/read_configuration.h"
#include "lib/base/time.h"
#include "lib/kube/client.h"
#include "lib/kube/config.h"
#include "lib/kube/consistency_store.h"
#include "lib/kube/cpprest_transport.h"
#include "lib/kube/event_recorder.h"
#include "lib/kube/leader_election.h"
#include "lib/kube/observed_transport.h"
#include "lib/kube/reflector.h"
#include "lib/kube/server_url.h"
#include "lib/kube/work_queue.h"
#include "lib/kube/workers.h"
#include "lib/service/command_line.h"
#include "lib/service/http_endpoint.h"
#include "lib/service/log.h"
#include "lib/service/metrics.h"
#include "lib/service/periodically.h"
#include "lib/service/reloaded.h"
#include "lib/service/termination.h"
#include "lib/telemetry/kube_metrics.h"

namespace fumehood::controller {
namespace {

using service::kv;
using std::chrono::seconds;

constexpr std::string_view kComponent = "fumehood-controller";
// How often everything is looked at that no event announces.
constexpr seconds kWakePeriod{10};
constexpr seconds kLossPeriod{1};
constexpr seconds kSweepCheckPeriod{10};
constexpr seconds kConfigPeriod{2};
// A watch that could not be had for so long is stale.
constexpr seconds kWatchPatience{30};

std::string HostName() {
  std::array<char, 256> host{};
  gethostname(host.data(), host.size() - 1);
  return host.data();
}

kube::ElectionOptions ElectionOptionsOf(const Options& options, const std::string& ns) {
  std::random_device random;
  return {.lease = {ns, std::string(api::kControllerLease)},
          .identity = fmt::format("{}_{:08x}{:08x}", HostName(), random(), random()),
          .lease_duration = std::chrono::ceil<seconds>(options.lease_duration),
          .renew_deadline = options.renew_deadline,
          .retry_period = options.retry_period};
}

// What is looked up when somebody asks for the metrics.
void Update(ControllerMetrics& metrics, const ClusterView& view, const Retention& retention,
            const kube::EventRecorder& events, bool leads) {
  const auto waiting = view.CountWaiting();
  metrics.SetWaiting({waiting.begin(), waiting.end()});
  const auto executors = view.CountExecutors();
  metrics.SetExecutors({executors.ready, executors.not_ready, executors.lost});
  const auto kept = retention.kept();
  metrics.SetFinished({static_cast<int64_t>(kept.commands), kept.bytes});
  metrics.SetEventsDropped(events.dropped());
  metrics.SetLeadership(leads ? ControllerMetrics::Leadership::kLeads : ControllerMetrics::Leadership::kStandsBy);
}

// Serves until the process is told to end.
Status Serve(const Options& options, const service::Log& log) {
  auto termination = service::Termination::Watch();
  if (!termination) return Forward(std::move(termination));
  auto config = kube::LoadConfig(options.common.kubeconfig);
  if (!config) return Forward(std::move(config));
  const auto url = kube::ParseServerUrl(config->server);
  if (!url) return std::unexpected(url.error());
  const std::string ns = options.common.ns.empty() ? config->default_namespace : options.common.ns;
  log.Info("controller starts", {kv("server", config->server), kv("namespace", ns)});
  auto transport = kube::CppRestTransport::Create(std::move(*config));
  if (!transport) return Forward(std::move(transport));
  const SystemClock clock;
  const BootTimeClock lease_clock;
  service::Metrics metrics;
  telemetry::RestClientMetrics requests(metrics, kube::HostAndPort(*url));
  kube::ObservedTransport observed(**transport, requests, clock);
  kube::Client client(observed, std::string(kComponent));
  ControllerMetrics controller_metrics(metrics, std::string(api::kControllerLease));
  telemetry::WorkQueueMetrics queue_observer(metrics, "commands");
  telemetry::WorkQueueMetrics finished_observer(metrics, "finished");
  telemetry::ReconcileMetrics reconcile_observer(metrics, "commands");
  telemetry::ReconcileMetrics retention_observer(metrics, "finished");
  // Set once, before anything asks it.
  std::unique_ptr<kube::LeaderElector> elector;
  const auto is_leader = [&] { return !options.leader_elect || elector->IsLeader(); };

  kube::ConsistencyStore own_writes;
  Apply apply({client, clock, own_writes, is_leader});
  kube::WorkQueue<CommandKey> queue(clock, {}, &queue_observer);
  kube::WorkQueue<CommandKey> finished(clock, {}, &finished_observer);
  queue_observer.LookAt(queue);
  finished_observer.LookAt(finished);
  kube::EventRecorder events(client, clock, std::string(kComponent), HostName(), [&log](const Error& error) {
    log.Warning("event not recorded", {kv("error", error.message)});
  });
  auto configuration =
      service::Reloaded<api::Configuration>::Open(options.common.config, api::ReadConfiguration, log, metrics);
  if (!configuration) return Forward(std::move(configuration));
  Retention retention({client, apply, finished, clock, log, controller_metrics, is_leader, options.retention});
  Reconciler reconciler({clock, log, apply, events, queue, retention, own_writes, controller_metrics,
                         [&] { return (*configuration)->Get(); }, is_leader});
  ClusterView view(clock, reconciler);
  reconciler.Use(view);

  if (options.leader_elect) {
    auto created = kube::LeaderElector::Create(
        client, lease_clock, ElectionOptionsOf(options, ns), kube::AtEnd::kRelease,
        {.on_elected =
             [&] {
               log.Info("leads");
               retention.RequestSweep();
               reconciler.LookAtAll();
             },
         .on_lost =
             [&] {
               // Whatever is under way must not be finished as the leader.
               log.Error("leads no more; the controller ends");
               log.Flush();
               kube::ExitProcess(1);
             },
         .on_new_leader = [&](const std::string& identity) { log.Info("leader seen", {kv("identity", identity)}); },
         .on_problem = [&](const Error& error) { log.Warning("lease not renewed", {kv("error", error.message)}); }});
    if (!created) return Forward(std::move(created));
    elector = std::move(*created);
  }

  metrics.OnRender([&] { Update(controller_metrics, view, retention, events, is_leader()); });
  std::map<std::string, kube::WatchHealth> watch_health;
  service::EndpointContent content;
  content.metrics = [&metrics] { return metrics.Render(); };
  for (const auto* type : {&kRuntimeClasses, &kNodes, &kSandboxExecutors, &kSandboxCommands, &kube::kLeases}) {
    content.ready.Add("watch-" + type->plural, [&clock, &health = watch_health[type->plural]] {
      return health.Check(clock.SteadyNow(), kWatchPatience);
    });
  }
  auto endpoint = service::HttpEndpoint::Start(options.common.http_address, std::move(content));
  if (!endpoint) return std::unexpected(endpoint.error());

  const auto watch = [&](const kube::ResourceType& type, const std::string& in, std::string_view selector,
                         kube::ObjectSink& sink) {
    const kube::ReflectorOptions reflector{.type = type,
                                           .ns = in,
                                           .field_selector = std::string(selector),
                                           .backoff = {},
                                           .health = &watch_health.at(type.plural)};
    std::jthread thread(
        [&client, &sink, reflector](std::stop_token stop) { RunReflector(client, reflector, sink, stop); });
    pthread_setname_np(thread.native_handle(), type.plural.substr(0, 15).c_str());
    return thread;
  };
  {
    std::array watches = {
        watch(kRuntimeClasses, "", "", view.runtime_classes_sink()), watch(kNodes, "", "", view.nodes_sink()),
        watch(kSandboxExecutors, "", "", view.executors_sink()), watch(kube::kLeases, ns, "", view.leases_sink()),
        watch(kSandboxCommands, "", api::kUnfinishedSelector, view.commands_sink())};
    const kube::Workers<CommandKey> reconcilers(
        queue, options.workers, "reconcile",
        [&reconciler](const CommandKey& key, std::stop_token stop) { return reconciler.Reconcile(key, stop); },
        &reconcile_observer);
    const kube::Workers<CommandKey> deleters(
        finished, 1, "retention",
        [&retention](const CommandKey& key, std::stop_token stop) { return retention.Check(key, stop); },
        &retention_observer);
    const service::Periodically reloader("config", kConfigPeriod, [&](std::stop_token) {
      if ((*configuration)->Refresh()) reconciler.OnConfigurationChanged();
    });
    const service::Periodically losses("losses", kLossPeriod, [&view](std::stop_token) { view.NoticeLosses(); });
    const service::Periodically waker("wake", kWakePeriod, [&reconciler](std::stop_token) { reconciler.WakeAll(); });
    const service::Periodically sweeper("sweep", kSweepCheckPeriod,
                                        [&retention](std::stop_token stop) { retention.SweepIfDue(stop); });

    termination->Wait();
    log.Info("controller ends");
    for (std::jthread& thread : watches) thread.request_stop();
  }
  endpoint->reset();  // it asks the elector
  elector.reset();    // releases the lease, now that nothing of ours acts any more
  return {};
}

int Run(int argc, char** argv) {
  Options options;
  const service::Program program{.name = std::string(kComponent),
                                 .description = "Watches SandboxCommands and binds each to the executor on a node.",
                                 .add_options = [&](CLI::App& app) { AddOptions(app, options); },
                                 .serve = [&](const service::Log& log) { return Serve(options, log); }};
  return service::RunProgram(argc, argv, program, options.common);
}

}  // namespace
}  // namespace fumehood::controller

int main(int argc, char** argv) { fumehood::kube::ExitProcess(fumehood::controller::Run(argc, argv)); }
