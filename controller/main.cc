// fumehood-controller: brings each SandboxCommand to its end.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <array>
#include <cstdio>
#include <filesystem>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include "controller/apply.h"
#include "controller/cluster_view.h"
#include "controller/reconciler.h"
#include "controller/resources.h"
#include "controller/retention.h"
#include "lib/base/time.h"
#include "lib/kube/client.h"
#include "lib/kube/config.h"
#include "lib/kube/cpprest_transport.h"
#include "lib/kube/event_recorder.h"
#include "lib/kube/reflector.h"
#include "lib/kube/work_queue.h"
#include "lib/kube/workers.h"
#include "lib/service/log.h"
#include "lib/service/periodically.h"
#include "lib/service/termination.h"

namespace fumehood::controller {
namespace {

using service::kv;

constexpr std::string_view kComponent = "fumehood-controller";
// How often everything is looked at that no event announces.
constexpr std::chrono::seconds kWakePeriod{10};
constexpr std::chrono::minutes kSweepPeriod{5};

struct Options {
  std::optional<std::filesystem::path> kubeconfig;
  std::string log_level = "info";
  int workers = 4;
};

std::string InstanceName() {
  std::array<char, 256> host{};
  gethostname(host.data(), host.size() - 1);
  return fmt::format("{}-{}", kComponent, host.data());
}

// Serves until the process is told to end.
Status Serve(const Options& options, const service::Log& log) {
  auto termination = service::Termination::Watch();
  if (!termination) return Forward(std::move(termination));
  auto config = kube::LoadConfig(options.kubeconfig);
  if (!config) return Forward(std::move(config));
  log.Info("controller starts", {kv("server", config->server)});
  auto transport = kube::CppRestTransport::Create(std::move(*config));
  if (!transport) return Forward(std::move(transport));
  kube::Client client(**transport, std::string(kComponent));

  const SystemClock clock;
  Apply apply(client, clock);
  kube::WorkQueue<CommandKey> queue(clock);
  kube::WorkQueue<CommandKey> finished(clock);
  kube::EventRecorder events(client, clock, std::string(kComponent), InstanceName(), [&log](const Error& error) {
    log.Warning("event not recorded", {kv("error", error.message)});
  });
  Retention retention(client, apply, finished, clock, log);
  Reconciler reconciler({clock, log, apply, events, queue, retention});
  ClusterView view(clock, reconciler);
  reconciler.Use(view);

  const auto watch = [&client](const kube::ResourceType& type, std::string_view selector, kube::ObjectSink& sink) {
    std::jthread thread([&client, &sink, type, selector = std::string(selector)](std::stop_token stop) {
      RunReflector(client, {.type = type, .ns = "", .field_selector = selector, .backoff = {}}, sink, stop);
    });
    pthread_setname_np(thread.native_handle(), type.plural.substr(0, 15).c_str());
    return thread;
  };
  std::array watches = {watch(kRuntimeClasses, "", view.runtime_classes_sink()), watch(kNodes, "", view.nodes_sink()),
                        watch(kSandboxExecutors, "", view.executors_sink()),
                        watch(kSandboxCommands, api::kUnfinishedSelector, view.commands_sink())};
  const kube::Workers<CommandKey> reconcilers(
      queue, options.workers, "reconcile",
      [&reconciler](const CommandKey& key, std::stop_token stop) { return reconciler.Reconcile(key, stop); });
  const kube::Workers<CommandKey> deleters(
      finished, 1, "retention",
      [&retention](const CommandKey& key, std::stop_token stop) { return retention.Check(key, stop); });
  const service::Periodically waker("wake", kWakePeriod, [&reconciler](std::stop_token) { reconciler.WakeAll(); });
  const service::Periodically sweeper("sweep", kSweepPeriod, [&](std::stop_token stop) {
    const Status swept = retention.Sweep(stop);
    if (!swept && !stop.stop_requested()) log.Warning("sweep failed", {kv("error", swept.error().message)});
  });

  termination->Wait();
  log.Info("controller ends");
  for (std::jthread& thread : watches) thread.request_stop();
  return {};
}

int Run(int argc, char** argv) {
  Options options;
  CLI::App app("Watches SandboxCommands and binds each to the executor on a node.", std::string(kComponent));
  app.add_option("--kubeconfig", options.kubeconfig,
                 "how to reach the API server (default: $KUBECONFIG, the pod's service account, ~/.kube/config)");
  app.add_option("--workers", options.workers, "commands reconciled at once")->check(CLI::Range(1, 64));
  app.add_option("--log-level", options.log_level, "debug, info, warning or error")->capture_default_str();
  CLI11_PARSE(app, argc, argv);

  const auto level = service::ParseLogLevel(options.log_level);
  if (!level) {
    std::fprintf(stderr, "%s: --log-level: %s\n", argv[0], level.error().message.c_str());
    return 2;
  }
  const service::Log log(*level);
  if (const Status served = Serve(options, log); !served) {
    log.Error("can't start", {kv("error", served.error().message)});
    return 1;
  }
  return 0;
}

}  // namespace
}  // namespace fumehood::controller

int main(int argc, char** argv) { fumehood::kube::ExitProcess(fumehood::controller::Run(argc, argv)); }
