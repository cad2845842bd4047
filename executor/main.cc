// fumehood-executor: runs the SandboxCommands that are bound to its node, each in a gVisor sandbox of its own.
#include <pthread.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include "executor/executor.h"
#include "executor/registration.h"
#include "executor/reporter.h"
#include "executor/resources.h"
#include "lib/base/time.h"
#include "lib/kube/client.h"
#include "lib/kube/config.h"
#include "lib/kube/cpprest_transport.h"
#include "lib/kube/reflector.h"
#include "lib/kube/workers.h"
#include "lib/sandbox/containment.h"
#include "lib/sandbox/runsc_runner.h"
#include "lib/service/log.h"
#include "lib/service/periodically.h"
#include "lib/service/termination.h"

namespace fumehood::executor {
namespace {

using service::kv;

constexpr std::string_view kComponent = "fumehood-executor";
// As kubelets renew their leases.
constexpr std::chrono::seconds kHeartbeatPeriod{10};

struct Options {
  std::optional<std::filesystem::path> kubeconfig;
  std::string node_name;
  api::ExecutorReference pod;
  int64_t slots = 4;
  std::string handler = "runsc";
  std::string log_level = "info";
  sandbox::RunscOptions runsc{.runsc = "/usr/local/bin/runsc",
                              .init = "/usr/local/lib/fumehood/fumehood-init",
                              .images = "/images",
                              .repository_root = "/.repos",
                              .state = "/run/fumehood"};
};

Offer MakeOffer(const Options& options, const sandbox::RunscRunner& runner, WallTime now) {
  const sandbox::Isolation isolation = runner.isolation();
  return {.node_name = options.node_name,
          .executor = options.pod,
          .since = now,
          .slots = options.slots,
          .images = runner.images(),
          .handler = options.handler,
          .runtime = {isolation.runtime, isolation.version, isolation.platform}};
}

// The unfinished commands of this node.
kube::ReflectorOptions CommandsOf(const std::string& node_name) {
  return {.type = kSandboxCommands,
          .ns = "",
          .field_selector = fmt::format("status.nodeName={},{}", node_name, api::kUnfinishedSelector),
          .backoff = {}};
}

// Serves until the process is told to end.
Status Serve(const Options& options, const service::Log& log) {
  if (Status contained = sandbox::EnterContainment(options.runsc.state); !contained) return contained;
  auto termination = service::Termination::Watch();
  if (!termination) return Forward(std::move(termination));
  auto runner = sandbox::RunscRunner::Create(options.runsc);
  if (!runner) return Forward(std::move(runner));
  for (const auto& refused : (*runner)->refused_images()) {
    log.Warning("image not offered", {kv("image", refused.name), kv("why", refused.reason)});
  }
  const SystemClock clock;
  const Offer offer = MakeOffer(options, **runner, clock.WallNow());

  auto config = kube::LoadConfig(options.kubeconfig);
  if (!config) return Forward(std::move(config));
  log.Info("executor starts", {kv("node", options.node_name), kv("server", config->server), kv("slots", options.slots),
                               kv("runsc", offer.runtime.version)});
  auto transport = kube::CppRestTransport::Create(std::move(*config));
  if (!transport) return Forward(std::move(transport));
  kube::Client client(**transport, std::string(kComponent));

  Reporter reporter(client, log);
  Executor executor({clock, log, **runner, reporter, options.handler});
  {
    std::jthread watch([&](std::stop_token stop) {
      RunReflector(client, CommandsOf(options.node_name), executor.commands_sink(), stop);
    });
    pthread_setname_np(watch.native_handle(), "watch-commands");
    const kube::Workers<AttemptKey> slots(
        executor.attempts(), static_cast<int>(options.slots), "slot",
        [&executor](const AttemptKey& key, std::stop_token stop) { return executor.RunAttempt(key, stop); });
    const kube::Workers<AttemptKey> progress(
        executor.long_running(), 1, "progress",
        [&executor](const AttemptKey& key, std::stop_token stop) { return executor.MentionRunning(key, stop); });
    const service::Periodically heartbeat("heartbeat", kHeartbeatPeriod, [&](std::stop_token stop) {
      const Status registered = Register(client, offer, Availability::kServing, clock.WallNow(), stop);
      if (!registered && !stop.stop_requested()) {
        log.Warning("not registered, will try again", {kv("error", registered.error().message)});
      }
    });

    termination->Wait();
    log.Info("executor ends");
    executor.Shutdown();
  }
  const Status stopping = Register(client, offer, Availability::kStopping, clock.WallNow(), {});
  if (!stopping) log.Warning("can't say that this executor ends", {kv("error", stopping.error().message)});
  return {};
}

int Run(int argc, char** argv) {
  Options options;
  CLI::App app("Runs the SandboxCommands that are bound to its node.", std::string(kComponent));
  app.add_option("--kubeconfig", options.kubeconfig,
                 "how to reach the API server (default: $KUBECONFIG, the pod's service account, ~/.kube/config)");
  app.add_option("--node-name", options.node_name, "the node that this executor serves")->required();
  app.add_option("--pod-name", options.pod.pod_name, "the pod that it runs in")->required();
  app.add_option("--pod-uid", options.pod.pod_uid, "that pod's uid")->required();
  app.add_option("--slots", options.slots, "commands at once")->check(CLI::Range(1, 1024))->capture_default_str();
  app.add_option("--handler", options.handler, "the RuntimeClass handler that it serves")->capture_default_str();
  app.add_option("--repositories", options.runsc.repository_root, "the folder below which the repositories are")
      ->capture_default_str();
  app.add_option("--images", options.runsc.images, "the folder with one root file system per directory")
      ->capture_default_str();
  app.add_option("--runsc", options.runsc.runsc, "gVisor's runsc")->capture_default_str();
  app.add_option("--init", options.runsc.init, "the program that becomes PID 1 of each sandbox")->capture_default_str();
  app.add_option("--state-dir", options.runsc.state, "a directory for its own use; it is empty again afterwards")
      ->capture_default_str();
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
}  // namespace fumehood::executor

int main(int argc, char** argv) { fumehood::kube::ExitProcess(fumehood::executor::Run(argc, argv)); }
