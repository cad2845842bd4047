#include "lib/kube/request_target.h"

#include <algorithm>

namespace fumehood::kube {
namespace {

constexpr std::string_view kHexDigits = "0123456789ABCDEF";

// The classes of <cctype> depend on the locale.
bool IsAlphanumeric(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); }

bool IsUnreserved(char c) { return IsAlphanumeric(c) || c == '-' || c == '.' || c == '_' || c == '~'; }

bool IsAllowedInTarget(char c) {
  constexpr std::string_view kOthers = "!$&'()*+,;=:@/?%";
  return IsUnreserved(c) || kOthers.find(c) != std::string_view::npos;
}

}  // namespace

std::string PercentEncode(std::string_view text) {
  std::string encoded;
  encoded.reserve(text.size());
  for (const char c : text) {
    if (IsUnreserved(c)) {
      encoded += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    encoded += '%';
    encoded += kHexDigits[byte >> 4];
    encoded += kHexDigits[byte & 0xF];
  }
  return encoded;
}

Status CheckRequestTarget(std::string_view target) {
  // Two slashes at the beginning would name a host.
  if (!target.starts_with('/') || target.starts_with("//")) {
    return Fail(ErrorCode::kInvalid, "a request's target must be a path that starts with one slash");
  }
  const auto bad = std::ranges::find_if_not(target, IsAllowedInTarget);
  if (bad != target.end()) {
    return Fail(ErrorCode::kInvalid, "a request's target must be percent-encoded, but has byte 0x{:02x} at offset {}",
                static_cast<unsigned char>(*bad), bad - target.begin());
  }
  return {};
}

Status CheckHeaderValue(std::string_view header, std::string_view value) {
  const auto bad = std::ranges::find_if_not(value, [](char c) { return c >= ' ' && c <= '~'; });
  if (bad != value.end()) {
    return Fail(ErrorCode::kInvalid, "header {} may have printable ASCII only, but has byte 0x{:02x} at offset {}",
                header, static_cast<unsigned char>(*bad), bad - value.begin());
  }
  return {};
}

Status CheckRequest(const HttpRequest& request) {
  if (Status valid = CheckRequestTarget(request.target); !valid.has_value()) return valid;
  if (Status valid = CheckHeaderValue("Accept", request.accept); !valid.has_value()) return valid;
  if (Status valid = CheckHeaderValue("Content-Type", request.content_type); !valid.has_value()) return valid;
  const bool read = request.method == HttpMethod::kGet;
  if (read != request.body.empty()) {
    return Fail(ErrorCode::kInvalid, "a read has no body, and a write needs one so that it cannot be sent twice");
  }
  return {};
}

}  // namespace fumehood::kube
