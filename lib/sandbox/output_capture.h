#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "lib/sandbox/run.h"

namespace fumehood::sandbox {

// Keeps the first and the last half of `max_bytes` of a stream and counts the rest. Its memory grows with
// what is written and never beyond `max_bytes`, however long the stream is. Not safe to share between
// threads.
class OutputCapture {
 public:
  explicit OutputCapture(uint64_t max_bytes);

  void Append(std::string_view bytes);
  // What was kept. The cuts are between any two bytes, also inside of a UTF-8 sequence.
  CapturedOutput Take() &&;

 private:
  uint64_t head_limit_;
  uint64_t tail_limit_;
  uint64_t total_bytes_ = 0;
  std::string head_;
  // A ring once it has reached tail_limit_: the oldest byte is at oldest_.
  std::string tail_;
  size_t oldest_ = 0;
};

}  // namespace fumehood::sandbox
