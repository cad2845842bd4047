#include "lib/kube/token_source.h"
#include "lib/base/read_file.h"

#include "lib/kube/request_target.h"

namespace fumehood::kube {
namespace {

using namespace std::chrono_literals;

// As often as client-go; the kubelet writes a new token when 80 % of the old one's life are over.
constexpr auto kMaxAge = 60s;
constexpr size_t kMaxTokenBytes = 64 * 1024;

Result<std::string> ReadToken(const std::filesystem::path& file) {
  Result<std::string> content = ReadFile(file, kMaxTokenBytes);
  if (!content.has_value()) return Forward(std::move(content));
  constexpr std::string_view kBlank = " \t\r\n";
  const size_t begin = content->find_first_not_of(kBlank);
  if (begin == std::string::npos) {
    return Fail(ErrorCode::kUnavailable, "read \"{}\": there is no token in it", file.native());
  }
  std::string token = content->substr(begin, content->find_last_not_of(kBlank) - begin + 1);
  if (const Status valid = CheckHeaderValue("Authorization", token); !valid.has_value()) {
    return Wrap(valid.error(), fmt::format("read the token in \"{}\"", file.native()));
  }
  return token;
}

}  // namespace

TokenSource::TokenSource(std::string fixed, std::filesystem::path file, const Clock& clock)
    : file_(std::move(file)), clock_(clock), token_(file_.empty() ? std::move(fixed) : "") {}

Result<std::string> TokenSource::Current() {
  const SteadyTime now = clock_.SteadyNow();
  {
    const std::lock_guard lock(mutex_);
    if (file_.empty() || now < read_again_) return token_;
  }
  Result<std::string> read = ReadToken(file_);
  const std::lock_guard lock(mutex_);
  if (read.has_value()) {
    token_ = *std::move(read);
    read_again_ = now + kMaxAge;
    return token_;
  }
  // Rotation may just be under way.
  if (!token_.empty()) return token_;
  return Forward(std::move(read));
}

void TokenSource::Refused(std::string_view token) {
  const std::lock_guard lock(mutex_);
  // Another thread may have read a newer one meanwhile.
  if (token == token_) read_again_ = SteadyTime::min();
}

}  // namespace fumehood::kube
