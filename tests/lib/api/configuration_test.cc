#include "lib/api/configuration.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>

namespace fumehood::api {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST(PatternTest, AStarIsAnyNumberOfCharacters) {
  for (const auto& [name, pattern] : {std::pair{"team-a", "team-a"},
                                      {"team-a", "team-*"},
                                      {"team-", "team-*"},
                                      {"ci-7-x", "ci-*-x"},
                                      {"anything", "*"},
                                      {"a-b-c", "*-*-*"},
                                      {"aab", "*ab"},
                                      {"xabyab", "x*ab*ab"}}) {
    EXPECT_TRUE(FitsPattern(name, pattern)) << name << " " << pattern;
  }
  for (const auto& [name, pattern] : {std::pair{"team-ab", "team-a"},
                                      {"team-a", "team-ab"},
                                      {"team", "team-*"},
                                      {"ab", "ab*b"},
                                      {"xab", "x*ab*ab"},
                                      {"a", ""},
                                      {"steam-a", "team-*"}}) {
    EXPECT_FALSE(FitsPattern(name, pattern)) << name << " " << pattern;
  }
}

TEST(ConfigurationTest, TheFirstEntryThatFitsHolds) {
  Configuration::Parts parts;
  parts.otherwise.max_priority = 1;
  parts.namespaces = {{.name = "ci-nightly", .rules = {}}, {.name = "ci-*", .rules = {}}};
  parts.namespaces[0].rules.max_priority = 2;
  parts.namespaces[1].rules.max_priority = 3;
  const Configuration configuration(std::move(parts));
  EXPECT_EQ(configuration.RulesOf("ci-nightly").max_priority, 2);
  EXPECT_EQ(configuration.RulesOf("ci-7").max_priority, 3);
  EXPECT_EQ(configuration.RulesOf("team-a").max_priority, 1);
}

Configuration WithRepositories(std::vector<Configuration::RepositoryRule> rules) {
  Configuration::Parts parts;
  parts.repositories = std::move(rules);
  return Configuration(std::move(parts));
}

TEST(RepositoryRulesTest, WithoutRulesEverybodyReadsEverything) {
  EXPECT_EQ(Configuration().ReadableDirectoryOf("team-a", "team-b/shop"), "");
}

TEST(RepositoryRulesTest, ANamespaceReadsWhatIsBelowItsName) {
  const Configuration configuration = WithRepositories({{.namespaces = {"*"}, .paths = {"{namespace}"}}});
  EXPECT_EQ(configuration.ReadableDirectoryOf("team-a", "team-a/shop"), "team-a");
  EXPECT_EQ(configuration.ReadableDirectoryOf("team-a", "team-a/x/y"), "team-a");
  EXPECT_EQ(configuration.ReadableDirectoryOf("team-a", "team-a"), "team-a");
  for (const char* path : {"team-b/shop", "team-ab/shop", "team", "shop", "x/team-a/shop", "{namespace}/shop"}) {
    EXPECT_EQ(configuration.ReadableDirectoryOf("team-a", path), std::nullopt) << path;
  }
}

TEST(RepositoryRulesTest, TheSmallestReadableDirectoryIsTheOneItIsReachedFrom) {
  const Configuration configuration =
      WithRepositories({{.namespaces = {"team-*"}, .paths = {"public", "{namespace}", "public/docs"}},
                        {.namespaces = {"platform"}, .paths = {"."}}});
  EXPECT_EQ(configuration.ReadableDirectoryOf("team-a", "public/docs/x"), "public/docs");
  EXPECT_EQ(configuration.ReadableDirectoryOf("team-a", "public/other"), "public");
  EXPECT_EQ(configuration.ReadableDirectoryOf("platform", "team-a/x"), "");
  EXPECT_EQ(configuration.ReadableDirectoryOf("guest", "public/docs"), std::nullopt);
  EXPECT_THAT(configuration.ReadablePaths("team-a"), ElementsAre("public", "team-a", "public/docs"));
  EXPECT_THAT(configuration.ReadablePaths("guest"), IsEmpty());
}

TEST(RepositoryRulesTest, ARefusalSaysWhatMayBeRead) {
  const Configuration configuration =
      WithRepositories({{.namespaces = {"team-*"}, .paths = {"{namespace}", "public"}}});
  EXPECT_EQ(DescribeRefusal(configuration, "team-a", "team-b/x"),
            "the namespace \"team-a\" may not read the repository \"team-b/x\"; it may read team-a, public, and what "
            "is below");
  EXPECT_THAT(DescribeRefusal(configuration, "guest", "public"), HasSubstr("it may read none"));
}

TEST(ConfigurationTest, AnImageHasVariablesOrNone) {
  Configuration::Parts parts;
  parts.images = {{"go", {.env = {{"GOPROXY", "off"}}}}};
  const Configuration configuration(std::move(parts));
  ASSERT_EQ(configuration.EnvOf("go").size(), 1U);
  EXPECT_EQ(configuration.EnvOf("go")[0].value, "off");
  EXPECT_THAT(configuration.EnvOf("rust"), IsEmpty());
}

NamespaceRules SomeRules() {
  NamespaceRules rules;
  rules.max_resources = {
      .cpu_millis = 2'000, .memory_bytes = int64_t{1} << 30, .pids = 512, .scratch_bytes = int64_t{512} << 20};
  rules.max_timeout = std::chrono::seconds(600);
  rules.max_output_bytes = 32'768;
  rules.max_priority = 10;
  return rules;
}

TEST(AdmitTest, WhatIsAskedForWithinTheMaximumHolds) {
  SandboxCommandSpec spec;
  spec.resources = {.cpu = "2", .memory = "1Gi", .pids = 512, .scratch = "512Mi"};
  spec.timeout = std::chrono::seconds(600);
  spec.max_output_bytes = 32'768;
  const auto admitted = Admit(spec, SomeRules());
  ASSERT_TRUE(admitted) << admitted.error().message;
  EXPECT_EQ(*admitted, SomeRules().max_resources);
  EXPECT_EQ(Admit({}, SomeRules()), SomeRules().resources);
}

struct AdmitCase {
  std::function<void(SandboxCommandSpec&)> change;
  const char* want;
};

TEST(AdmitTest, WhatIsAboveTheMaximumIsRefusedWithBothNumbers) {
  for (const AdmitCase& row :
       {AdmitCase{[](auto& s) { s.resources.cpu = "2001m"; },
                  "spec.resources.cpu: 2001m is above the maximum of the namespace, 2"},
        {[](auto& s) { s.resources.memory = "2Gi"; },
         "spec.resources.memory: 2Gi is above the maximum of the namespace, 1Gi"},
        {[](auto& s) { s.resources.pids = 513; },
         "spec.resources.pids: 513 is above the maximum of the namespace, 512"},
        {[](auto& s) { s.resources.scratch = "1G"; },
         "spec.resources.scratch: 1000000000 is above the maximum of the namespace, 512Mi"},
        {[](auto& s) { s.timeout = std::chrono::seconds(601); },
         "spec.timeoutSeconds: 601 is above the maximum of the namespace, 600"},
        {[](auto& s) { s.max_output_bytes = 32'769; },
         "spec.output.maxBytes: 32769 is above the maximum of the namespace, 32768"},
        {[](auto& s) { s.resources.cpu = "fast"; }, "spec.resources.cpu: \"fast\" is not a quantity"}}) {
    SandboxCommandSpec spec;
    row.change(spec);
    const auto admitted = Admit(spec, SomeRules());
    ASSERT_FALSE(admitted) << row.want;
    EXPECT_THAT(admitted.error().message, HasSubstr(row.want));
  }
}

TEST(AdmitTest, APriorityAboveTheMaximumCountsAsTheMaximum) {
  SandboxCommandSpec spec;
  for (const auto& [asked, counts] : {std::pair{1'000, 10}, {10, 10}, {0, 0}, {-5, -5}}) {
    spec.priority = asked;
    EXPECT_EQ(EffectivePriority(spec, SomeRules()), counts);
  }
}

}  // namespace
}  // namespace fumehood::api
