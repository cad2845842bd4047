#include "lib/kube/server_url.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>

#include "lib/kube/request_target.h"

namespace fumehood::kube {
namespace {

std::string_view SchemeText(ServerUrl::Scheme scheme) {
  switch (scheme) {
    case ServerUrl::Scheme::kHttp: return "http";
    case ServerUrl::Scheme::kHttps: return "https";
  }
  return "https";
}

bool IsHostNameCharacter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_';
}

std::unexpected<Error> Malformed(std::string_view text, std::string_view why) {
  return Fail(ErrorCode::kInvalid, "server \"{}\" {}; it should look like https://host:6443", text, why);
}

}  // namespace

HostKind KindOfHost(std::string_view host) {
  const std::string terminated(host);
  in6_addr address;
  if (inet_pton(AF_INET, terminated.c_str(), &address) == 1) return HostKind::kIpv4;
  if (inet_pton(AF_INET6, terminated.c_str(), &address) == 1) return HostKind::kIpv6;
  return HostKind::kName;
}

Result<ServerUrl> ParseServerUrl(std::string_view text) {
  ServerUrl url;
  std::string_view rest = text;
  if (rest.starts_with("https://")) {
    rest.remove_prefix(8);
  } else if (rest.starts_with("http://")) {
    rest.remove_prefix(7);
    url.scheme = ServerUrl::Scheme::kHttp;
    url.port = 80;
  } else {
    return Malformed(text, "has neither https:// nor http://");
  }

  const size_t path = rest.find('/');
  std::string_view authority = rest.substr(0, path);
  if (path != std::string_view::npos) url.path_prefix = rest.substr(path);
  while (url.path_prefix.ends_with('/')) url.path_prefix.pop_back();
  if (!url.path_prefix.empty() &&
      (!CheckRequestTarget(url.path_prefix).has_value() || url.path_prefix.find('?') != std::string::npos)) {
    return Malformed(text, "has a path that cannot be a prefix");
  }

  std::string_view port;
  if (authority.starts_with('[')) {
    const size_t end = authority.find(']');
    if (end == std::string_view::npos) return Malformed(text, "has a bracket that is not closed");
    url.host = authority.substr(1, end - 1);
    if (KindOfHost(url.host) != HostKind::kIpv6) return Malformed(text, "has no IPv6 address between its brackets");
    port = authority.substr(end + 1);
  } else {
    const size_t colon = authority.find(':');
    url.host = authority.substr(0, colon);
    if (url.host.empty() || !std::ranges::all_of(url.host, IsHostNameCharacter)) {
      return Malformed(text, "has no valid host name");
    }
    if (colon != std::string_view::npos) port = authority.substr(colon);
  }
  if (port.empty()) return url;

  const std::string_view digits = port.substr(1);
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), url.port);
  if (!port.starts_with(':') || error != std::errc() || end != digits.data() + digits.size() || url.port == 0) {
    return Malformed(text, "has no valid port");
  }
  return url;
}

std::string HostAndPort(const ServerUrl& url) {
  if (KindOfHost(url.host) == HostKind::kIpv6) return fmt::format("[{}]:{}", url.host, url.port);
  return fmt::format("{}:{}", url.host, url.port);
}

std::string ToString(const ServerUrl& url) {
  return fmt::format("{}://{}{}", SchemeText(url.scheme), HostAndPort(url), url.path_prefix);
}

}  // namespace fumehood::kube
