#pragma once

#include <filesystem>
#include <mutex>
#include <string>
#include <string_view>

#include "lib/base/time.h"

namespace fumehood::kube {

// The bearer token of each request: a fixed one, or that of a file which somebody rotates, read again when it
// is a minute old, and at once after the server has refused it. While the file cannot be read the old token
// stays in use. Safe to call from several threads.
class TokenSource {
 public:
  // An empty `file` means the fixed token; both empty mean none. `clock` must outlive the source.
  TokenSource(std::string fixed, std::filesystem::path file, const Clock& clock);

  // The token to send, "" for none. An Error only where there has never been one to read.
  Result<std::string> Current();

  // The server answered 401 to `token`.
  void Refused(std::string_view token);

 private:
  const std::filesystem::path file_;
  const Clock& clock_;

  std::mutex mutex_;  // guards what follows; not held while the file is read
  std::string token_;
  SteadyTime read_again_ = SteadyTime::min();
};

}  // namespace fumehood::kube
