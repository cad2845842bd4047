#include "lib/kube/config.h"

#include <gmock/gmock.h>

#include <cstdlib>
#include <fstream>
#include <map>

namespace fumehood::kube {
namespace {

using ::testing::HasSubstr;
namespace fs = std::filesystem;

// A folder of its own, and an environment without what this machine has.
class ConfigTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string folder = fs::temp_directory_path() / "config-test-XXXXXX";
    ASSERT_NE(mkdtemp(folder.data()), nullptr);
    folder_ = folder;
    for (const char* name : {"KUBECONFIG", "KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT"}) unsetenv(name);
    setenv("HOME", folder.c_str(), 1);
  }
  void TearDown() override { fs::remove_all(folder_); }

  fs::path WriteFile(const std::string& name, const std::string& content) const {
    fs::create_directories((folder_ / name).parent_path());
    std::ofstream(folder_ / name) << content;
    return folder_ / name;
  }

  static std::string Kubeconfig(const std::string& cluster, const std::string& user, const std::string& context = "") {
    return "apiVersion: v1\nkind: Config\ncurrent-context: here\n"
           "contexts: [{name: here, context: {cluster: c, user: u" +
           context +
           "}}]\n"
           "clusters: [{name: c, cluster: {" +
           cluster +
           "}}]\n"
           "users: [{name: u, user: {" +
           user + "}}]\n";
  }

  fs::path folder_;
};

TEST_F(ConfigTest, ReadsEverySettingOfAContext) {
  WriteFile("pki/ca.crt", "the authority");
  const fs::path file = WriteFile(
      "config", Kubeconfig("server: 'https://api.example.com:6443', certificate-authority: pki/ca.crt, "
                           "tls-server-name: kubernetes",
                           "client-certificate-data: Y2VydA==, client-key-data: a2V5, token: abc, tokenFile: pki/token",
                           ", namespace: team-a"));

  const Result<ClientConfig> config = LoadKubeconfig(file);

  ASSERT_TRUE(config.has_value()) << config.error().message;
  EXPECT_EQ(config->server, "https://api.example.com:6443");
  EXPECT_EQ(config->ca_pem, "the authority");
  EXPECT_EQ(config->tls_server_name, "kubernetes");
  EXPECT_FALSE(config->insecure_skip_tls_verify);
  EXPECT_EQ(config->client_certificate_pem, "cert");
  EXPECT_EQ(config->client_key_pem, "key");
  EXPECT_EQ(config->token, "abc");
  EXPECT_EQ(config->token_file, folder_ / "pki/token");
  EXPECT_EQ(config->default_namespace, "team-a");
}

TEST_F(ConfigTest, InlineDataWinsOverFiles) {
  const fs::path file = WriteFile("config", Kubeconfig("server: 'https://a', certificate-authority: /not/there, "
                                                       "certificate-authority-data: Y2E=",
                                                       "token: abc"));
  const Result<ClientConfig> config = LoadKubeconfig(file);
  ASSERT_TRUE(config.has_value()) << config.error().message;
  EXPECT_EQ(config->ca_pem, "ca");
  EXPECT_EQ(config->default_namespace, "default");
}

TEST_F(ConfigTest, SaysWhatIsWrongWithAKubeconfig) {
  struct Row {
    std::string name;
    std::string content;
    ErrorCode want;
    std::string want_message;
  };
  const std::string server = "server: 'https://a'";
  const std::vector<Row> rows = {
      {"NotYaml", "{", ErrorCode::kInvalid, "is not YAML"},
      {"NotAMap", "- a\n- b\n", ErrorCode::kInvalid, "not a YAML map"},
      {"Empty", "", ErrorCode::kInvalid, "current-context"},
      {"ListIsAMap", "clusters: {a: b}", ErrorCode::kInvalid, "clusters must be a list"},
      {"NoName", "clusters: [{cluster: {}}]", ErrorCode::kInvalid, "has no name"},
      {"NoBody", "users: [{name: u, user: 7}]", ErrorCode::kInvalid, "user \"u\""},
      {"NoCurrentContext", "contexts: []", ErrorCode::kInvalid, "current-context"},
      {"UnknownContext", "current-context: x\ncontexts: [{name: y, context: {}}]", ErrorCode::kNotFound, "there is: y"},
      {"UnknownCluster", "current-context: x\ncontexts: [{name: x, context: {cluster: c}}]", ErrorCode::kNotFound,
       "cluster \"c\""},
      {"UnknownUser",
       "current-context: x\ncontexts: [{name: x, context: {cluster: c, user: u}}]\nclusters: [{name: c, "
       "cluster: "
       "{server: 'https://a'}}]",
       ErrorCode::kNotFound, "user \"u\""},
      {"NoServer", Kubeconfig("insecure-skip-tls-verify: true", "token: a"), ErrorCode::kInvalid, "no server"},
      {"BadServer", Kubeconfig("server: ftp://a", "token: a"), ErrorCode::kInvalid, "https://"},
      {"ServerIsAList", Kubeconfig("server: [a]", "token: a"), ErrorCode::kInvalid, "server must be a string"},
      {"BadFlag", Kubeconfig(server + ", insecure-skip-tls-verify: maybe", "token: a"), ErrorCode::kInvalid, "maybe"},
      {"InsecureWithAuthority",
       Kubeconfig(server + ", insecure-skip-tls-verify: true, certificate-authority-data: Y2E=", "token: a"),
       ErrorCode::kInvalid, "exclude each other"},
      {"BadBase64", Kubeconfig(server + ", certificate-authority-data: '%%%'", "token: a"), ErrorCode::kInvalid,
       "certificate-authority-data"},
      {"MissingAuthority", Kubeconfig(server + ", certificate-authority: gone.crt", "token: a"), ErrorCode::kNotFound,
       "gone.crt"},
      {"Proxy", Kubeconfig(server + ", proxy-url: 'http://p'", "token: a"), ErrorCode::kInvalid, "proxy"},
      {"Exec", Kubeconfig(server, "exec: {command: aws}"), ErrorCode::kInvalid, "user \"u\""},
      {"AuthProvider", Kubeconfig(server, "auth-provider: {name: gcp}"), ErrorCode::kInvalid, "not supported"},
      {"Password", Kubeconfig(server, "username: a, password: b"), ErrorCode::kInvalid, "password"},
      {"Impersonation", Kubeconfig(server, "token: a, as: root"), ErrorCode::kInvalid, "impersonation"},
      {"TooBig", std::string((1 << 20) + 1, '#'), ErrorCode::kTooLarge, "larger than"},
      {"NestedTooDeep", std::string(100000, '['), ErrorCode::kInvalid, "not YAML"},
  };
  for (const Row& row : rows) {
    const Result<ClientConfig> config = LoadKubeconfig(WriteFile("config", row.content));
    ASSERT_FALSE(config.has_value()) << row.name;
    EXPECT_EQ(config.error().code, row.want) << row.name << ": " << config.error().message;
    EXPECT_THAT(config.error().message, HasSubstr(row.want_message)) << row.name;
  }
}

TEST_F(ConfigTest, AnAliasBombStaysSmall) {
  std::string bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 40; ++i) {
    bomb += fmt::format("a{0}: &a{0} [*a{1}, *a{1}, *a{1}, *a{1}, *a{1}, *a{1}]\n", i, i - 1);
  }
  EXPECT_TRUE(LoadKubeconfig(WriteFile("config", bomb + Kubeconfig("server: 'https://a'", "token: a"))).has_value());
}

TEST_F(ConfigTest, ACallerCanNameTheContext) {
  const fs::path file =
      WriteFile("config",
                "current-context: one\ncontexts: [{name: one, context: {cluster: a}}, {name: two, context: {cluster: "
                "b}}]\n"
                "clusters: [{name: a, cluster: {server: 'https://a'}}, {name: b, cluster: {server: 'https://b'}}]\n");
  EXPECT_EQ(LoadKubeconfig(file, "two")->server, "https://b");
  EXPECT_THAT(LoadKubeconfig(file, "three").error().message, HasSubstr("one, two"));
}

TEST_F(ConfigTest, TheFirstOfSeveralFilesWins) {
  const std::string first =
      WriteFile("first", "current-context: x\nclusters: [{name: c, cluster: {server: 'https://first'}}]\n");
  const std::string second = WriteFile("second",
                                       "current-context: y\ncontexts: [{name: x, context: {cluster: "
                                       "c}}]\nclusters: [{name: c, cluster: {server: "
                                       "'https://second'}}]\n");
  setenv("KUBECONFIG", ("/not/there:" + first + "::" + second).c_str(), 1);
  const Result<ClientConfig> config = LoadConfig(std::nullopt);
  ASSERT_TRUE(config.has_value()) << config.error().message;
  EXPECT_EQ(config->server, "https://first");
}

TEST_F(ConfigTest, ANamedKubeconfigWinsOverTheEnvironment) {
  setenv("KUBECONFIG", WriteFile("one", Kubeconfig("server: 'https://one'", "token: a")).c_str(), 1);
  EXPECT_EQ(LoadConfig(WriteFile("two", Kubeconfig("server: 'https://two'", "token: a")))->server, "https://two");
}

TEST_F(ConfigTest, FallsBackToTheHomeFolder) {
  WriteFile(".kube/config", Kubeconfig("server: 'https://home'", "token: a"));
  EXPECT_EQ(LoadConfig(std::nullopt)->server, "https://home");
}

TEST_F(ConfigTest, SaysWhatItTried) {
  const Result<ClientConfig> config = LoadConfig(std::nullopt);
  ASSERT_FALSE(config.has_value());
  EXPECT_EQ(config.error().code, ErrorCode::kNotFound);
  EXPECT_THAT(config.error().message, HasSubstr("$KUBECONFIG"));
  EXPECT_THAT(config.error().message, HasSubstr("not a pod"));
  EXPECT_THAT(config.error().message, HasSubstr(".kube/config"));
}

TEST_F(ConfigTest, ReadsAPodsServiceAccount) {
  WriteFile("token", "abc");
  WriteFile("ca.crt", "the authority");
  WriteFile("namespace", "team-a\n");
  for (const auto& [host, server] : std::map<std::string, std::string>{
           {"10.96.0.1", "https://10.96.0.1:443"}, {"fd00::1", "https://kubernetes.default.svc:443"}}) {
    setenv("KUBERNETES_SERVICE_HOST", host.c_str(), 1);
    setenv("KUBERNETES_SERVICE_PORT", "443", 1);
    const Result<ClientConfig> config = LoadInClusterConfig(folder_);
    ASSERT_TRUE(config.has_value()) << config.error().message;
    EXPECT_EQ(config->server, server);
    EXPECT_EQ(config->token_file, folder_ / "token");
    EXPECT_EQ(config->ca_pem, "the authority");
    EXPECT_EQ(config->default_namespace, "team-a");
  }
}

TEST_F(ConfigTest, APodWithoutAnAuthorityTrustsNobody) {
  setenv("KUBERNETES_SERVICE_HOST", "10.96.0.1", 1);
  setenv("KUBERNETES_SERVICE_PORT", "443", 1);
  WriteFile("token", "abc");
  EXPECT_FALSE(LoadInClusterConfig(folder_).has_value());
  WriteFile("ca.crt", "");
  EXPECT_EQ(LoadInClusterConfig(folder_).error().code, ErrorCode::kInvalid);
}

}  // namespace
}  // namespace fumehood::kube
