#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "lib/base/result.h"

namespace fumehood::kube {

// The address of an API server, in its parts.
struct ServerUrl {
  enum class Scheme { kHttp, kHttps };

  Scheme scheme = Scheme::kHttps;
  std::string host;  // an IPv6 address without its brackets
  uint16_t port = 443;
  std::string path_prefix;  // "" or "/k8s/clusters/c1", without a slash at the end
};

enum class HostKind { kName, kIpv4, kIpv6 };

HostKind KindOfHost(std::string_view host);

// Reads "https://host[:port][/prefix]". kInvalid also for what has no meaning here: a user, a query, a fragment.
Result<ServerUrl> ParseServerUrl(std::string_view text);

// "host:port", with brackets around an IPv6 address.
std::string HostAndPort(const ServerUrl& url);

// The reverse of ParseServerUrl; the port is always there.
std::string ToString(const ServerUrl& url);

}  // namespace fumehood::kube
