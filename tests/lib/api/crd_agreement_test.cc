// The CRDs and the C++ types are two descriptions of one thing. Here every property of the schema gets a value, the C++
// reads the object and writes it again, and what comes out must be what went in: a field that only one side knows
// shows.
#include <gtest/gtest.h>
#include <yaml-cpp/yaml.h>

#include <nlohmann/json.hpp>
#include <string>

#include "lib/api/names.h"
#include "lib/api/sandbox_command.h"
#include "lib/api/sandbox_executor.h"

namespace fumehood::api {
namespace {

using nlohmann::json;

YAML::Node LoadSchema(const std::string& plural) {
  const YAML::Node crd = YAML::LoadFile(std::string(FUMEHOOD_CRDS_DIR) + "/fumehood.dev_" + plural + ".yaml");
  return crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"];
}

// A value that differs from the type's default, so that a field which is dropped and defaulted shows too.
json Fill(const YAML::Node& schema, const std::string& name) {
  if (name == "cpu") return "1500m";
  if (name == "memory" || name == "scratch") return "384Mi";
  const auto type = schema["type"].as<std::string>();
  if (type == "object") {
    json object = json::object();
    if (schema["additionalProperties"]) object["some-key"] = "some-value";
    for (const auto& property : schema["properties"]) {
      const auto key = property.first.as<std::string>();
      object[key] = Fill(property.second, key);
    }
    return object;
  }
  if (type == "array") return json::array({Fill(schema["items"], name)});
  if (type == "integer") return 7;
  if (type == "boolean") return true;
  if (schema["enum"]) return schema["enum"][schema["enum"].size() - 1].as<std::string>();
  if (schema["format"]) {
    return name == "lastTransitionTime" ? "2026-03-04T05:06:07Z" : "2026-03-04T05:06:07.080900Z";
  }
  return "some-" + name;
}

json FilledObject(const YAML::Node& schema, std::string_view kind, const char* part) {
  return {{"apiVersion", kApiVersion},
          {"kind", kind},
          {"metadata", {{"name", "n"}, {"namespace", "ns"}, {"uid", "u"}, {"resourceVersion", "1"}}},
          {part, Fill(schema["properties"][part], part)}};
}

TEST(CrdAgreementTest, SandboxCommandSpec) {
  const json object = FilledObject(LoadSchema("sandboxcommands"), kSandboxCommandKind, "spec");
  const auto command = ReadSandboxCommand(object);
  ASSERT_TRUE(command) << command.error().message;
  EXPECT_EQ(ToJson(command->spec), object["spec"]);
}

TEST(CrdAgreementTest, SandboxCommandStatus) {
  const json object = FilledObject(LoadSchema("sandboxcommands"), kSandboxCommandKind, "status");
  const auto command = ReadSandboxCommand(object);
  ASSERT_TRUE(command) << command.error().message;
  EXPECT_EQ(ToJson(command->status), object["status"]);
}

TEST(CrdAgreementTest, SandboxExecutorStatus) {
  json object = FilledObject(LoadSchema("sandboxexecutors"), kSandboxExecutorKind, "status");
  object["status"]["imageNames"] = object["status"]["images"][0]["name"];  // the same once more
  const auto executor = ReadSandboxExecutor(object);
  ASSERT_TRUE(executor) << executor.error().message;
  EXPECT_EQ(ToJson(executor->status), object["status"]);
}

// What the schema says is the default of a spec field must be what the C++ assumes where it is missing.
TEST(CrdAgreementTest, DefaultsAreTheSame) {
  const json empty = {{"apiVersion", kApiVersion},
                      {"kind", kSandboxCommandKind},
                      {"metadata", {{"name", "n"}, {"uid", "u"}}},
                      {"spec", json::object()}};
  const json assumed = ToJson(ReadSandboxCommand(empty)->spec);
  int defaults = 0;
  for (const auto& property : LoadSchema("sandboxcommands")["properties"]["spec"]["properties"]) {
    const auto name = property.first.as<std::string>();
    const YAML::Node value = property.second["default"];
    if (!value || !value.IsScalar()) continue;
    ++defaults;
    ASSERT_TRUE(assumed.contains(name)) << name;
    const json& ours = assumed[name];
    EXPECT_EQ(ours.is_string() ? ours.get<std::string>() : ours.dump(), value.as<std::string>()) << name;
  }
  EXPECT_GE(defaults, 5);
}

TEST(CrdAgreementTest, UnfinishedSelectorNamesEveryFinalPhase) {
  for (const Phase phase : {Phase::kSucceeded, Phase::kFailed, Phase::kTimedOut, Phase::kCancelled}) {
    EXPECT_NE(kUnfinishedSelector.find("status.phase!=" + std::string(ToString(phase))), std::string_view::npos);
  }
}

}  // namespace
}  // namespace fumehood::api
