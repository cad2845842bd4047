#include "tests/controller/cluster.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <utility>
#include <variant>

#include "controller/resources.h"

namespace fumehood::controller {
namespace {

using nlohmann::json;

constexpr const char* kNamespace = "team-a";
constexpr const char* kSentinel = "Sentinel";

// "team-b/build", or "build" for one of team-a.
kube::ObjectName NameOf(const std::string& name) {
  const size_t slash = name.find('/');
  if (slash == std::string::npos) return {kNamespace, name};
  return {name.substr(0, slash), name.substr(slash + 1)};
}

}  // namespace

Cluster::Cluster()
    : events(client, clock, "fumehood-controller", "test", [](const Error& error) { ADD_FAILURE() << error.message; }) {
  reconciler.Use(view);
}

void Cluster::ListEverything() {
  view.runtime_classes_sink().Replace({api::SampleRuntimeClass()});
  view.nodes_sink().Replace({});
  view.executors_sink().Replace({});
  view.leases_sink().Replace({});
  view.commands_sink().Replace({});
}

void Cluster::AddExecutor(const std::string& node_name, int64_t slots) {
  view.nodes_sink().Apply(api::SampleNode(node_name));
  view.executors_sink().Apply(api::SampleExecutor(node_name, slots));
  Renew(node_name);
}

void Cluster::Renew(const std::string& node_name) {
  view.leases_sink().Apply(api::SampleLease(node_name, clock.WallNow()));
}

void Cluster::Create(const json& command) {
  server.Put(kSandboxCommands, command);
  const json& metadata = command.at("metadata");
  Show(fmt::format("{}/{}", metadata.at("namespace").get<std::string>(), metadata.at("name").get<std::string>()));
}

void Cluster::Show(const std::string& name) {
  const kube::ObjectName full = NameOf(name);
  const auto object = server.Find(kSandboxCommands, full);
  if (object && !api::Read(*object).IsFinished()) {
    view.commands_sink().Apply(shown_[full] = *object);
  } else {
    view.commands_sink().Remove(shown_.at(full));  // what leaves a selector comes with its previous state
  }
}

void Cluster::Change(const std::string& name, const json& merge_patch) {
  json object = server.Find(kSandboxCommands, NameOf(name)).value();
  object.merge_patch(merge_patch);
  server.Put(kSandboxCommands, std::move(object));
}

void Cluster::Finish(const std::string& name) {
  server.Put(kSandboxCommands, api::AsFinished(server.Find(kSandboxCommands, NameOf(name)).value(), clock.WallNow()));
}

void Cluster::Configure(api::Configuration::Parts parts) {
  configuration = std::make_shared<const api::Configuration>(std::move(parts));
  reconciler.OnConfigurationChanged();
}

void Cluster::Work() {
  while (const auto key = queue.TryGet()) {
    const kube::Outcome outcome = reconciler.Reconcile(*key, {});
    if (std::holds_alternative<kube::TryAgain>(outcome)) queue.AddRateLimited(*key);
    if (const auto* again = std::get_if<kube::LookAgain>(&outcome)) queue.AddAfter(*key, again->after);
    queue.Done(*key);
  }
}

void Cluster::Advance(std::chrono::milliseconds step) {
  clock.Advance(step);
  view.NoticeLosses();
  Work();
}

api::SandboxCommand Cluster::Get(const std::string& name) const {
  return api::Read(server.Find(kSandboxCommands, NameOf(name)).value());
}

std::string Cluster::NodeOf(const std::string& name) const {
  const auto command = Get(name);
  return command.IsBound() ? command.status.node_name : "";
}

std::vector<std::string> Cluster::EventReasons() {
  const auto reasons = [this] {
    std::vector<std::string> all;
    for (const json& event : server.All(kube::kEvents, kNamespace)) {
      all.insert(all.end(), event.value(json::json_pointer("/series/count"), size_t{1}), event.at("reason"));
    }
    return all;
  };
  // Events are written in the order in which they were recorded: when this one is there, all of them are. Each is about
  // something else, so that it is not a repetition of the one before.
  ++sentinels_;
  events.Record({.regarding = {"v1", "ConfigMap", kNamespace, fmt::format("sentinel-{}", sentinels_), ""},
                 .reason = kSentinel,
                 .action = "Test",
                 .note = ""});
  const bool arrived = server.WaitUntil([&] { return std::ranges::count(reasons(), kSentinel) == sentinels_; });
  EXPECT_TRUE(arrived) << "the events are not written";
  auto all = reasons();
  std::erase(all, kSentinel);
  return all;
}

}  // namespace fumehood::controller
