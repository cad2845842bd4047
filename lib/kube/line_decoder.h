#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "lib/base/result.h"
#include "lib/kube/transport.h"

namespace fumehood::kube {

// Cuts a stream of bytes into lines, wherever the chunks were cut: within a line, a UTF-8 sequence, or "\r\n".
// A last line without its line feed is never delivered: on a watch it is an event that was cut off, and the watch
// is resumed from the version before it. Not safe to share between threads.
class LineDecoder {
 public:
  using LineSink = std::function<StreamControl(std::string_view line)>;

  // A line may have `max_line_bytes`, its end not counted.
  explicit LineDecoder(size_t max_line_bytes) : max_line_bytes_(max_line_bytes) {}

  // Calls `on_line` for each line that `chunk` completes, without its line feed; empty lines are skipped.
  // Returns kStop, and drops the rest, once `on_line` has. kInternal when a line is too long: nothing more can be read
  // from this stream.
  Result<StreamControl> Feed(std::string_view chunk, const LineSink& on_line);

 private:
  size_t max_line_bytes_;
  std::string partial_;  // the beginning of a line whose end has not come yet
};

}  // namespace fumehood::kube
