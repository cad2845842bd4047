#include "lib/sandbox/output_capture.h"

#include <algorithm>
#include <utility>

namespace fumehood::sandbox {

OutputCapture::OutputCapture(uint64_t max_bytes) : head_limit_(max_bytes / 2), tail_limit_(max_bytes - head_limit_) {}

void OutputCapture::Append(std::string_view bytes) {
  total_bytes_ += bytes.size();
  const auto to_head = std::min<uint64_t>(bytes.size(), head_limit_ - head_.size());
  head_.append(bytes.substr(0, to_head));
  bytes.remove_prefix(to_head);

  if (bytes.size() >= tail_limit_) {
    tail_.assign(bytes.substr(bytes.size() - tail_limit_));
    oldest_ = 0;
    return;
  }
  const auto to_grow = std::min<uint64_t>(bytes.size(), tail_limit_ - tail_.size());
  tail_.append(bytes.substr(0, to_grow));
  bytes.remove_prefix(to_grow);
  while (!bytes.empty()) {
    const auto chunk = std::min<uint64_t>(bytes.size(), tail_.size() - oldest_);
    std::ranges::copy(bytes.substr(0, chunk), tail_.begin() + static_cast<std::ptrdiff_t>(oldest_));
    bytes.remove_prefix(chunk);
    oldest_ = (oldest_ + chunk) % tail_.size();
  }
}

CapturedOutput OutputCapture::Take() && {
  std::rotate(tail_.begin(), tail_.begin() + static_cast<std::ptrdiff_t>(oldest_), tail_.end());
  oldest_ = 0;
  CapturedOutput output{.head = std::move(head_), .tail = std::move(tail_), .total_bytes = total_bytes_};
  if (!output.truncated()) {
    output.head += output.tail;
    output.tail.clear();
  }
  return output;
}

}  // namespace fumehood::sandbox
