#include "lib/api/read_configuration.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "lib/base/read_file.h"

namespace fumehood::api {
namespace {

using testing::HasSubstr;

Configuration Read(const std::string& yaml) {
  auto configuration = ReadConfiguration(yaml, "config.yaml");
  EXPECT_TRUE(configuration) << configuration.error().message;
  return configuration ? *configuration : Configuration();
}

TEST(ReadConfigurationTest, AnEntryChangesWhatItNames) {
  const Configuration configuration = Read(R"(
namespaces:
- name: ci-*
  resources: {memory: 1Gi}
  maximum: {running: 3, timeoutSeconds: 60}
default:
  resources: {cpu: 500m, memory: 256Mi, pids: 32, scratch: 64Mi}
  maximum:
    resources: {cpu: 2, memory: "2Gi"}
    outputBytes: 0
    priority: -1
)");
  const NamespaceRules& ci = configuration.RulesOf("ci-1");
  EXPECT_EQ(ci.resources, (Resources{500, int64_t{1} << 30, 32, 64 << 20}));
  EXPECT_EQ(ci.max_resources.cpu_millis, 2'000);
  EXPECT_EQ(ci.max_resources.pids, kMostResources.pids);
  EXPECT_EQ(ci.max_timeout, std::chrono::seconds(60));
  EXPECT_EQ(ci.max_running, 3);
  const NamespaceRules& other = configuration.RulesOf("team-a");
  EXPECT_EQ(other.resources.memory_bytes, 256 << 20);
  EXPECT_EQ(other.max_running, std::nullopt);
  EXPECT_EQ(other.max_output_bytes, 0);
  EXPECT_EQ(other.max_priority, -1);
}

TEST(ReadConfigurationTest, NothingSaidIsNothingLimited) {
  const Configuration configuration = Read("{}");
  EXPECT_EQ(configuration.RulesOf("x").max_resources, kMostResources);
  EXPECT_EQ(configuration.ReadableDirectoryOf("x", "y/z"), "");
}

TEST(ReadConfigurationTest, RepositoriesInAWordOrByRules) {
  EXPECT_EQ(Read("repositories: Shared").ReadableDirectoryOf("a", "b"), "");
  EXPECT_EQ(Read("repositories: PerNamespace").ReadableDirectoryOf("a", "b"), std::nullopt);
  EXPECT_EQ(Read("repositories: PerNamespace").ReadableDirectoryOf("a", "a/b"), "a");
  const Configuration rules = Read(R"(
repositories:
- {namespaces: [a, "b*"], paths: [public, "of-{namespace}"]}
- {namespaces: [admin], paths: [.]}
)");
  EXPECT_EQ(rules.ReadableDirectoryOf("b1", "of-b1/x"), "of-b1");
  EXPECT_EQ(rules.ReadableDirectoryOf("admin", "of-b1/x"), "");
  EXPECT_EQ(rules.ReadableDirectoryOf("c", "public"), std::nullopt);
}

TEST(ReadConfigurationTest, ImagesHaveVariables) {
  const Configuration configuration = Read("images: [{name: go, env: [{name: GOFLAGS, value: -mod=mod}]}]");
  ASSERT_EQ(configuration.EnvOf("go").size(), 1U);
  EXPECT_EQ(configuration.EnvOf("go")[0].name, "GOFLAGS");
}

struct BadConfiguration {
  const char* name;
  const char* yaml;
  const char* want;
};

const BadConfiguration kBad[] = {
    {"Empty", "", "config.yaml:1: the file is empty; write {}"},
    {"OnlyAComment", "# nothing\n", "the file is empty"},
    {"NotYaml", "default: {\n", "config.yaml:2: not valid YAML"},
    {"AList", "- a\n", "config.yaml:1: must be a mapping with some of the keys default, namespaces"},
    {"TwoDocuments", "{}\n---\n{}\n", "config.yaml:3: a second document begins here"},
    {"UnknownKey", "\nquotas: 1\n",
     "config.yaml:2: unknown key \"quotas\"; known here are default, namespaces, repositories, images"},
    {"UnknownKeyBelow", "default:\n  maximum:\n    time: 1\n", "config.yaml:3: default.maximum: unknown key \"time\""},
    {"KeyTwice", "default: {}\ndefault: {}\n", "config.yaml:2: the key \"default\" is there twice"},
    {"EmptyValue", "default:\n", "default: must be a mapping"},
    {"NotAQuantity", "default:\n  resources:\n    memory: 512MB\n",
     "config.yaml:3: default.resources.memory: \"512MB\" is not a quantity"},
    {"TooSmall", "default: {resources: {memory: 1Mi}}", "default.resources.memory: 1Mi is not between 64Mi and 4Ti"},
    {"TooLarge", "default: {maximum: {resources: {cpu: 1001}}}",
     "default.maximum.resources.cpu: 1001 is not between 10m and 1000"},
    {"QuantityOfAList", "default: {resources: {cpu: [1]}}", "default.resources.cpu: must be one word"},
    {"PidsInQuotes", "default: {resources: {pids: \"5\"}}",
     "default.resources.pids: must be a whole number from 1 to 32768"},
    {"PidsNone", "default: {resources: {pids: 0}}", "must be a whole number from 1 to 32768"},
    {"Fraction", "default: {maximum: {timeoutSeconds: 1.5}}",
     "default.maximum.timeoutSeconds: must be a whole number from 1 to 86400"},
    {"TooLong", "default: {maximum: {timeoutSeconds: 86401}}", "from 1 to 86400"},
    {"TooMuchOutput", "default: {maximum: {outputBytes: 262145}}",
     "default.maximum.outputBytes: must be a whole number from 0 to 262144"},
    {"TooHigh", "default: {maximum: {priority: 1001}}",
     "default.maximum.priority: must be a whole number from -1000 to 1000"},
    {"NegativeRunning", "default: {maximum: {running: -1}}", "default.maximum.running: must be a whole number from 0"},
    {"DefaultAboveMaximum", "default:\n  resources: {memory: 1Gi}\n  maximum: {resources: {memory: 512Mi}}\n",
     "config.yaml:2: default: resources.memory: 1Gi is above the maximum of the namespace, 512Mi, and commands that "
     "don't ask get that"},
    {"InheritedDefaultAboveMaximum", "namespaces:\n- name: a\n  maximum: {resources: {pids: 8}}\n",
     "config.yaml:2: namespaces[0]: resources.pids: 256 is above the maximum of the namespace, 8"},
    {"NoName", "namespaces:\n- maximum: {}\n", "config.yaml:2: namespaces[0]: has no name"},
    {"BadName", "namespaces:\n- name: Team_A\n",
     "config.yaml:2: namespaces[0].name: \"Team_A\" can't be a namespace's name"},
    {"EmptyList", "namespaces: []\n", "namespaces: must be a list with at least one item"},
    {"NamespacesAsAMapping", "namespaces: {team-a: {}}\n", "namespaces: must be a list"},
    {"NameTwice", "namespaces:\n- name: a\n- name: a\n",
     "config.yaml:3: namespaces[1].name: \"a\" is never reached: \"a\" in line 2"},
    {"Hidden", "namespaces:\n- name: ci-*\n- name: ci-nightly\n",
     "config.yaml:3: namespaces[1].name: \"ci-nightly\" is never reached: \"ci-*\" in line 2 comes first"},
    {"UnknownMode", "repositories: Private\n", "config.yaml:1: repositories: must be Shared"},
    {"RuleWithoutPaths", "repositories:\n- namespaces: [a]\n",
     "config.yaml:2: repositories[0]: must have both namespaces and paths"},
    {"RuleOfNobody", "repositories: [{namespaces: [], paths: [a]}]",
     "repositories[0].namespaces: must be a list with at least one"},
    {"PathOutside", "repositories: [{namespaces: [a], paths: [../b]}]",
     "repositories[0].paths[0]: \"../b\" must be a directory below"},
    {"AbsolutePath", "repositories: [{namespaces: [a], paths: [/b]}]", "\"/b\" must be a directory below"},
    {"PathPattern", "repositories: [{namespaces: [a], paths: [b*]}]", "\"b*\" must be a directory below"},
    {"UnknownPlaceholder", "repositories: [{namespaces: [a], paths: [\"{name}\"]}]",
     "\"{name}\" must be a directory below"},
    {"ImageTwice", "images:\n- {name: a, env: [{name: A, value: b}]}\n- {name: a, env: [{name: A, value: b}]}\n",
     "config.yaml:3: images[1].name: the image \"a\" is there twice"},
    {"BadVariable", "images: [{name: a, env: [{name: 1A, value: b}]}]",
     "images[0].env[0]: \"1A\" is not a variable's name"},
    {"VariableTwice", "images: [{name: a, env: [{name: A, value: b}, {name: A, value: c}]}]",
     "images[0].env[1]: the variable A is there twice"},
    {"VariableWithoutValue", "images: [{name: a, env: [{name: A}]}]",
     "images[0].env[0]: must have both name and value"},
};

TEST(ReadConfigurationTest, SaysWhereAndHowToMendIt) {
  for (const BadConfiguration& row : kBad) {
    const auto configuration = ReadConfiguration(row.yaml, "config.yaml");
    ASSERT_FALSE(configuration) << row.name;
    EXPECT_EQ(configuration.error().code, ErrorCode::kInvalid) << row.name;
    EXPECT_THAT(configuration.error().message, HasSubstr(row.want)) << row.name;
    EXPECT_THAT(configuration.error().message, testing::StartsWith("config.yaml:")) << row.name;
  }
}

TEST(ReadConfigurationTest, SaysEverythingThatIsWrong) {
  const auto configuration = ReadConfiguration("default: {a: 1}\nrepositories: 5\nimages: 6\n", "c");
  ASSERT_FALSE(configuration);
  for (const char* part : {"c:1: ", "c:2: ", "c:3: "}) EXPECT_THAT(configuration.error().message, HasSubstr(part));
}

std::string Content(const std::string& file) {
  auto content = ReadFile(file, 1 << 20);
  EXPECT_TRUE(content) << content.error().message;
  return content.value_or("");
}

TEST(ReadConfigurationTest, TheExampleIsUsableAndTheOneInTheDocument) {
  const std::string example = Content(std::string(FUMEHOOD_MANIFESTS_DIR) + "/configuration/fumehood.yaml");
  const Configuration configuration = Read(example);
  EXPECT_EQ(configuration.ReadableDirectoryOf("team-a", "team-b/x"), std::nullopt);
  EXPECT_EQ(configuration.RulesOf("ci-7").max_running, 20);
  EXPECT_THAT(Content(std::string(FUMEHOOD_DOCS_DIR) + "/configuration.md"),
              HasSubstr("```yaml\n" + example + "```\n"));
}

}  // namespace
}  // namespace fumehood::api
