#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>

#include "lib/kube/cpprest_transport.h"
#include "tests/fakes/http_server.h"

namespace fumehood::kube {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::Not;

class CppRestTransportTlsTest : public ::testing::Test {
 protected:
  static void Answer(const ReceivedRequest&, ServerConnection& connection) { connection.Respond(200, "{}"); }

  HttpServer::Tls Identity(const std::string& names) const {
    return {.identity = authority_.Issue("api-server", names), .client_authority_pem = authority_.certificate_pem()};
  }

  ClientConfig ConfigFor(const HttpServer& server, const std::string& host = "127.0.0.1") const {
    return {.server = server.url(host), .ca_pem = authority_.certificate_pem()};
  }

  static Result<HttpResponse> Send(const ClientConfig& config, HttpMethod method = HttpMethod::kGet) {
    const Result<std::unique_ptr<CppRestTransport>> transport = CppRestTransport::Create(config);
    if (!transport.has_value()) return std::unexpected(transport.error());
    return (*transport)
        ->Send({.method = method, .target = "/version", .body = method == HttpMethod::kGet ? "" : "{}", .timeout = 10s},
               {});
  }

  static void ExpectNotTrusted(const Result<HttpResponse>& response, const std::string& why) {
    ASSERT_FALSE(response.has_value());
    EXPECT_EQ(response.error().code, ErrorCode::kUnavailable);
    EXPECT_THAT(response.error().message, HasSubstr(why));
  }

  const TestAuthority authority_{"test authority"};
  const TestAuthority stranger_{"some other authority"};
};

TEST_F(CppRestTransportTlsTest, TrustsAnAddressInTheCertificate) {
  HttpServer server(Answer, Identity("IP:127.0.0.1"));

  const Result<HttpResponse> response = Send(ConfigFor(server));

  ASSERT_TRUE(response.has_value()) << response.error().message;
  EXPECT_EQ(server.requests().at(0).server_name, "") << "an address is no SNI";
}

TEST_F(CppRestTransportTlsTest, TrustsANameInTheCertificate) {
  HttpServer server(Answer, Identity("DNS:localhost"));

  const Result<HttpResponse> response = Send(ConfigFor(server, "localhost"));

  ASSERT_TRUE(response.has_value()) << response.error().message;
  EXPECT_EQ(server.requests().at(0).server_name, "localhost");
}

TEST_F(CppRestTransportTlsTest, RefusesAnotherAuthority) {
  HttpServer server(Answer, Identity("IP:127.0.0.1"));
  ClientConfig config = ConfigFor(server);
  config.ca_pem = stranger_.certificate_pem();

  ExpectNotTrusted(Send(config, HttpMethod::kPost), "not trusted");
  EXPECT_EQ(server.requests().size(), 0U);
}

TEST_F(CppRestTransportTlsTest, RefusesAnAuthorityThatTheSystemDoesNotKnow) {
  HttpServer server(Answer, Identity("IP:127.0.0.1"));
  ClientConfig config = ConfigFor(server);
  config.ca_pem = "";

  ExpectNotTrusted(Send(config), "not trusted");
}

TEST_F(CppRestTransportTlsTest, RefusesAnotherAddress) {
  HttpServer server(Answer, Identity("IP:127.0.0.2"));

  ExpectNotTrusted(Send(ConfigFor(server)), "IP address mismatch");
}

TEST_F(CppRestTransportTlsTest, RefusesAnotherName) {
  HttpServer server(Answer, Identity("DNS:example.com"));

  ExpectNotTrusted(Send(ConfigFor(server, "localhost")), "hostname mismatch");
}

TEST_F(CppRestTransportTlsTest, RefusesANameThatIsInTheSubjectOnly) {
  HttpServer server(Answer, HttpServer::Tls{.identity = authority_.Issue("localhost", "")});

  ExpectNotTrusted(Send(ConfigFor(server, "localhost")), "hostname mismatch");
}

TEST_F(CppRestTransportTlsTest, TheServersOwnCertificateCanBeTheAuthority) {
  const HttpServer::Tls identity = Identity("IP:127.0.0.1");
  HttpServer server(Answer, identity);
  ClientConfig config = ConfigFor(server);
  config.ca_pem = identity.identity.certificate_pem;

  const Result<HttpResponse> response = Send(config);
  EXPECT_TRUE(response.has_value()) << response.error().message;
}

TEST_F(CppRestTransportTlsTest, ExpectsTheTlsServerName) {
  HttpServer server(Answer, Identity("DNS:kubernetes.default"));
  ClientConfig config = ConfigFor(server);
  config.tls_server_name = "kubernetes.default";

  const Result<HttpResponse> response = Send(config);

  ASSERT_TRUE(response.has_value()) << response.error().message;
  EXPECT_EQ(server.requests().at(0).server_name, "kubernetes.default");
  EXPECT_EQ(server.requests().at(0).headers.at("host"), "127.0.0.1:" + std::to_string(server.port()));
}

TEST_F(CppRestTransportTlsTest, TheTlsServerNameReplacesTheHostsName) {
  HttpServer server(Answer, Identity("IP:127.0.0.1"));
  ClientConfig config = ConfigFor(server);
  config.tls_server_name = "kubernetes.default";

  ExpectNotTrusted(Send(config), "kubernetes.default");
}

TEST_F(CppRestTransportTlsTest, SkipsVerificationOnlyWhenToldTo) {
  HttpServer server(Answer, HttpServer::Tls{.identity = stranger_.Issue("anything", "DNS:elsewhere")});
  ClientConfig config{.server = server.url(), .insecure_skip_tls_verify = true};

  const Result<HttpResponse> response = Send(config);
  EXPECT_TRUE(response.has_value()) << response.error().message;
}

TEST_F(CppRestTransportTlsTest, PresentsTheClientCertificate) {
  HttpServer server(Answer, Identity("IP:127.0.0.1"));
  ClientConfig config = ConfigFor(server);
  const CertificateAndKey client = authority_.Issue("admin", "");
  config.client_certificate_pem = client.certificate_pem;
  config.client_key_pem = client.key_pem;

  const Result<HttpResponse> response = Send(config);

  ASSERT_TRUE(response.has_value()) << response.error().message;
  EXPECT_EQ(server.requests().at(0).client_name, "admin");
}

TEST_F(CppRestTransportTlsTest, RefusesClientCredentialsThatDoNotFit) {
  const CertificateAndKey one = authority_.Issue("one", "");
  const CertificateAndKey other = authority_.Issue("other", "");
  struct Row {
    std::string name;
    std::string certificate;
    std::string key;
    std::string want;
  };
  const std::vector<Row> rows = {
      {"OtherKey", one.certificate_pem, other.key_pem, "does not belong"},
      {"NoKey", one.certificate_pem, "", "only the certificate"},
      {"NoCertificate", "", one.key_pem, "only the key"},
      {"CutOff", one.certificate_pem.substr(0, 200), one.key_pem, "client certificate"},
      {"NotAKey", one.certificate_pem, one.certificate_pem, "client key"},
  };
  for (const Row& row : rows) {
    const auto created = CppRestTransport::Create(
        {.server = "https://127.0.0.1:1", .client_certificate_pem = row.certificate, .client_key_pem = row.key});
    ASSERT_FALSE(created.has_value()) << row.name;
    EXPECT_EQ(created.error().code, ErrorCode::kInvalid) << row.name;
    EXPECT_THAT(created.error().message, HasSubstr(row.want)) << row.name;
  }
}

TEST_F(CppRestTransportTlsTest, AWriteIsSentOnceWhenAPooledConnectionBreaksAfterTheRequest) {
  HttpServer server(
      [](const ReceivedRequest& request, ServerConnection& connection) {
        if (request.method == "GET") return connection.Respond(200, "{}");
        connection.Close();
      },
      Identity("IP:127.0.0.1"));
  const auto transport = CppRestTransport::Create(ConfigFor(server));
  ASSERT_TRUE(transport.has_value());
  ASSERT_TRUE((*transport)->Send({.target = "/version"}, {}).has_value());

  const Result<HttpResponse> response =
      (*transport)->Send({.method = HttpMethod::kPost, .target = "/api/v1/nodes", .body = "{}"}, {});

  ASSERT_FALSE(response.has_value());
  EXPECT_EQ(response.error().code, ErrorCode::kOutcomeUnknown);
  ASSERT_EQ(server.requests().size(), 2U);
  EXPECT_EQ(server.requests()[1].connection, 1U);
}

TEST_F(CppRestTransportTlsTest, AWriteUsesAnotherConnectionWhenThePooledOneDiedWhileIdle) {
  HttpServer server(
      [](const ReceivedRequest& request, ServerConnection& connection) {
        connection.Respond(200, "{}");
        if (request.method == "GET") connection.Close();
      },
      Identity("IP:127.0.0.1"));
  const auto transport = CppRestTransport::Create(ConfigFor(server));
  ASSERT_TRUE(transport.has_value());
  ASSERT_TRUE((*transport)->Send({.target = "/version"}, {}).has_value());
  ASSERT_TRUE(server.WaitForClosedConnections(1));

  for (int i = 0; i < 2; ++i) {
    const Result<HttpResponse> response =
        (*transport)->Send({.method = HttpMethod::kPost, .target = "/api/v1/nodes", .body = "{}"}, {});
    ASSERT_TRUE(response.has_value()) << response.error().message;
  }

  ASSERT_EQ(server.requests().size(), 3U);
  EXPECT_EQ(server.requests()[1].connection, 2U);
  EXPECT_EQ(server.requests()[2].connection, 2U) << "a connection that is alive is used again";
}

TEST_F(CppRestTransportTlsTest, AWriteIsCertainlyNotDoneWhenTheHandshakeNeverEnds) {
  HttpServer plain([](const ReceivedRequest&, ServerConnection& connection) { connection.WaitUntilClosed(); });
  const auto transport = CppRestTransport::Create({.server = "https://127.0.0.1:" + std::to_string(plain.port())});
  ASSERT_TRUE(transport.has_value());

  const Result<HttpResponse> response =
      (*transport)->Send({.method = HttpMethod::kPost, .target = "/api/v1/nodes", .body = "{}", .timeout = 200ms}, {});

  ASSERT_FALSE(response.has_value());
  EXPECT_EQ(response.error().code, ErrorCode::kUnavailable);
}

TEST_F(CppRestTransportTlsTest, ARefusedTokenIsReadAgainFromItsFile) {
  HttpServer server(
      [](const ReceivedRequest& request, ServerConnection& connection) {
        const bool right = request.headers.at("authorization") == "Bearer new";
        connection.Respond(right ? 200 : 401, "{}");
      },
      Identity("IP:127.0.0.1"));
  std::string folder = std::filesystem::temp_directory_path() / "token-test-XXXXXX";
  ASSERT_NE(mkdtemp(folder.data()), nullptr);
  const std::filesystem::path file = std::filesystem::path(folder) / "token";
  std::ofstream(file) << "old\n";
  ClientConfig config = ConfigFor(server);
  config.token_file = file;
  const auto transport = CppRestTransport::Create(config);
  ASSERT_TRUE(transport.has_value());

  std::vector<int> answers;
  answers.push_back((*transport)->Send({.target = "/version"}, {})->status);
  std::ofstream(file) << "new\n";
  answers.push_back((*transport)->Send({.target = "/version"}, {})->status);
  std::filesystem::remove_all(folder);
  answers.push_back((*transport)->Send({.target = "/version"}, {})->status);

  EXPECT_THAT(answers, ::testing::ElementsAre(401, 200, 200));
}

TEST_F(CppRestTransportTlsTest, AnErrorNeverShowsTheToken) {
  HttpServer server([](const ReceivedRequest&, ServerConnection& connection) { connection.Close(); },
                    Identity("IP:127.0.0.1"));
  ClientConfig config = ConfigFor(server);
  config.token = "very-secret";

  const Result<HttpResponse> response = Send(config);

  ASSERT_FALSE(response.has_value());
  EXPECT_THAT(response.error().message, Not(HasSubstr("very-secret")));
  EXPECT_EQ(server.requests().at(0).headers.at("authorization"), "Bearer very-secret");
}

}  // namespace
}  // namespace fumehood::kube
