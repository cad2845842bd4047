// Ordinary objects as the API server would send them, for tests to change where it matters to them.
#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <string>

#include "lib/api/names.h"
#include "lib/api/sandbox_command.h"
#include "lib/base/time.h"

namespace fumehood::api {

using nlohmann::json;

// A valid command that nobody has looked at yet.
inline json SampleCommand(const std::string& name = "build") {
  return {{"apiVersion", kApiVersion},
          {"kind", kSandboxCommandKind},
          {"metadata", {{"namespace", "team-a"}, {"name", name}, {"uid", "uid-of-" + name}, {"resourceVersion", "1"}}},
          {"spec", {{"command", json::array({"make", "test"})}, {"repository", {{"path", "shop"}}}}}};
}

inline json AsBound(json command, const std::string& node_name = "node-1", int64_t attempt = 1) {
  command["status"]["phase"] = "Scheduled";
  command["status"]["nodeName"] = node_name;
  command["status"]["attempt"] = attempt;
  return command;
}

inline json AsHandedBack(json command, int64_t attempt = 1, const std::string& reason = "Rejected") {
  command = AsBound(std::move(command), "node-1", attempt);
  command["status"]["phase"] = "Pending";
  command["status"]["conditions"] = json::array({{{"type", "Scheduled"},
                                                  {"status", "False"},
                                                  {"reason", reason},
                                                  {"message", "the disk is full"},
                                                  {"lastTransitionTime", "2024-01-01T00:00:00Z"}}});
  return command;
}

inline json AsFinished(json command, WallTime completion_time) {
  command["status"]["phase"] = "Succeeded";
  command["status"]["completionTime"] = FormatMicroTime(completion_time);
  return command;
}

inline SandboxCommand Read(const json& command) { return ReadSandboxCommand(command).value(); }

// One that is ready for commands.
inline json SampleExecutor(const std::string& node_name = "node-1", int64_t slots = 2) {
  return {{"apiVersion", kApiVersion},
          {"kind", kSandboxExecutorKind},
          {"metadata", {{"name", node_name}, {"uid", "uid-of-" + node_name}, {"resourceVersion", "1"}}},
          {"status",
           {{"executor", {{"podName", "executor-on-" + node_name}, {"podUID", "pod-uid-of-" + node_name}}},
            {"slots", slots},
            {"images", json::array({{{"name", "default"}}})},
            {"handlers", json::array({"runsc"})},
            {"conditions", json::array({{{"type", "Ready"},
                                         {"status", "True"},
                                         {"reason", "Serving"},
                                         {"message", "takes commands"},
                                         {"lastTransitionTime", "2024-01-01T00:00:00Z"}}})}}}};
}

// The Lease of the executor of this node.
inline json SampleLease(const std::string& node_name = "node-1", WallTime renew_time = {}) {
  return {{"apiVersion", "coordination.k8s.io/v1"},
          {"kind", "Lease"},
          {"metadata",
           {{"namespace", "fumehood-system"},
            {"name", "executor-" + node_name},
            {"uid", "uid-of-lease-" + node_name},
            {"resourceVersion", "1"}}},
          {"spec",
           {{"holderIdentity", "executor-on-" + node_name},
            {"leaseDurationSeconds", 40},
            {"renewTime", FormatMicroTime(renew_time)}}}};
}

inline json SampleNode(const std::string& name = "node-1", const std::map<std::string, std::string>& labels = {}) {
  return {{"apiVersion", "v1"},
          {"kind", "Node"},
          {"metadata", {{"name", name}, {"uid", "uid-of-" + name}, {"labels", labels}}}};
}

inline json SampleRuntimeClass() {
  return {{"apiVersion", "node.k8s.io/v1"},
          {"kind", "RuntimeClass"},
          {"metadata", {{"name", "gvisor"}, {"uid", "uid-of-gvisor"}}},
          {"handler", "runsc"}};
}

}  // namespace fumehood::api
