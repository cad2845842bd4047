#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "controller/apply.h"
#include "controller/cluster_view.h"
#include "controller/command_key.h"
#include "controller/metrics.h"
#include "controller/reconciler.h"
#include "controller/retention.h"
#include "lib/api/sandbox_command.h"
#include "lib/kube/client.h"
#include "lib/kube/consistency_store.h"
#include "lib/kube/event_recorder.h"
#include "lib/kube/work_queue.h"
#include "lib/service/log.h"
#include "lib/service/metrics.h"
#include "tests/fakes/fake_api_server.h"
#include "tests/fakes/fake_clock.h"
#include "tests/fakes/sample_objects.h"

namespace fumehood::controller {

// The controller's parts at work on an API server in memory. The test moves the clock, and decides when the watch shows
// what has changed and when the workers take their turn. A command is named "namespace/name", or by its name alone where
// its namespace is team-a.
class Cluster {
 public:
  Cluster();

  // The answers to the controller's first lists: nothing but the RuntimeClass gvisor, and no executor.
  void ListEverything();

  // An executor that is ready, on a node of its own, with its lease; the watches show all three.
  void AddExecutor(const std::string& node_name, int64_t slots);
  // The watch shows that the executor of this node has renewed its lease.
  void Renew(const std::string& node_name);
  // Somebody creates the command, and the watch shows it.
  void Create(const nlohmann::json& command);
  // The watch shows what has become of the command: changed, finished or gone.
  void Show(const std::string& name);
  // Changes the command as somebody else would; the watch doesn't show it yet.
  void Change(const std::string& name, const nlohmann::json& merge_patch);
  void Finish(const std::string& name);

  // The administrator allows something else from now on.
  void Configure(api::Configuration::Parts parts);

  // The workers take every command that is ready.
  void Work();
  void Advance(std::chrono::milliseconds step);  // of time, and then work

  api::SandboxCommand Get(const std::string& name) const;  // as the API server has it
  // The node that the command is bound to, empty where it isn't.
  std::string NodeOf(const std::string& name) const;
  // The reasons of the Events that have been recorded so far, each as often as it happened.
  std::vector<std::string> EventReasons();

  FakeClock clock;
  kube::FakeApiServer server;
  kube::Client client{server, "fumehood-controller"};
  service::Log log{service::LogLevel::kError};
  bool leads = true;
  kube::ConsistencyStore own_writes;
  service::Metrics rendered_metrics;
  ControllerMetrics metrics{rendered_metrics, "fumehood-controller"};
  Apply apply{{client, clock, own_writes, [this] { return leads; }}};
  kube::WorkQueue<CommandKey> queue{clock};
  kube::WorkQueue<CommandKey> finished{clock};
  kube::EventRecorder events;
  Retention retention{{client, apply, finished, clock, log, metrics, [this] { return leads; }}};
  std::shared_ptr<const api::Configuration> configuration = std::make_shared<const api::Configuration>();
  Reconciler reconciler{{clock, log, apply, events, queue, retention, own_writes, metrics,
                         [this] { return configuration; }, [this] { return leads; }}};
  ClusterView view{clock, reconciler};

 private:
  std::map<kube::ObjectName, nlohmann::json> shown_;  // what the watch has shown last
  int sentinels_ = 0;
};

}  // namespace fumehood::controller
