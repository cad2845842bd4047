#include "lib/kube/line_decoder.h"

namespace fumehood::kube {
namespace {

std::string_view WithoutCarriageReturn(std::string_view line) {
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

}  // namespace

Result<StreamControl> LineDecoder::Feed(std::string_view chunk, const LineSink& on_line) {
  while (!chunk.empty()) {
    const size_t end = chunk.find('\n');
    const std::string_view part = chunk.substr(0, end);
    if (partial_.size() + part.size() > max_line_bytes_) {
      return Fail(ErrorCode::kInternal, "a line of the stream is longer than {} bytes", max_line_bytes_);
    }
    if (end == std::string_view::npos) {
      partial_ += part;
      return StreamControl::kContinue;
    }
    chunk.remove_prefix(end + 1);

    std::string whole;
    std::string_view line = part;
    if (!partial_.empty()) {
      whole = std::move(partial_);
      partial_.clear();
      whole += part;
      line = whole;
    }
    line = WithoutCarriageReturn(line);
    if (!line.empty() && on_line(line) == StreamControl::kStop) return StreamControl::kStop;
  }
  return StreamControl::kContinue;
}

}  // namespace fumehood::kube
