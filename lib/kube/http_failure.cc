#include "lib/kube/http_failure.h"

#include <openssl/err.h>

#include <cerrno>
#include <system_error>

namespace fumehood::kube {
namespace {

// asio's end-of-file, and its "stream truncated" of TLS. As an errno they would read "no such file or
// directory" and "operation not permitted".
constexpr int kEndOfFile = 2;
constexpr int kStreamTruncated = 1;
// OpenSSL's codes carry the library's number in their upper bits.
constexpr int kSmallestOpenSslCode = 1 << 20;

std::string ReasonOf(std::string_view text, int number) {
  if (text.starts_with("Error resolving")) return "";  // the number is one of <netdb.h>'s
  // cpprestsdk replaces "refused" and "broken pipe" by this one.
  if (number == EHOSTUNREACH) {
    return text.starts_with("Failed to connect") ? "connection refused, or no route to the host"
                                                 : "the server closed the connection";
  }
  if (number == kEndOfFile || number == kStreamTruncated) return "the server closed the connection";
  if (number >= kSmallestOpenSslCode) {
    const char* const reason = ERR_reason_error_string(static_cast<unsigned long>(number));
    return reason == nullptr ? "" : reason;
  }
  return number > 0 ? std::generic_category().message(number) : "";
}

}  // namespace

std::string DescribeHttpFailure(std::string_view text, int number) {
  std::string sentence(text);
  // "SSL …" and "HTTP …" stay as they are.
  if (sentence.size() > 1 && sentence[0] >= 'A' && sentence[0] <= 'Z' && sentence[1] >= 'a') {
    sentence[0] = static_cast<char>(sentence[0] - 'A' + 'a');
  }
  const std::string reason = ReasonOf(text, number);
  if (!reason.empty()) sentence += ": " + reason;
  return sentence;
}

}  // namespace fumehood::kube
