#pragma once

#include <string_view>

#include "lib/base/time.h"
#include "lib/sandbox/output_capture.h"

namespace fumehood::sandbox {

// One output stream of a command: the reading end of a pipe, and what is kept of it. Borrows the descriptors.
class OutputPipe {
 public:
  // `to` gets all of it as well, where it isn't -1.
  OutputPipe(int fd, uint64_t max_bytes, int to) : fd_(fd), to_(to), capture_(max_bytes) {}

  // -1, which poll ignores, when it has ended.
  int fd() const { return fd_; }

  // Whoever should get it too takes no more: as for a writer into a pipe without a reader, there is no use in going on.
  bool reader_is_gone() const { return reader_is_gone_; }

  // Reads once, so that a flood can't keep the caller from looking at the clock. The descriptor must not block.
  void ReadOnce();

  CapturedOutput Take() && { return std::move(capture_).Take(); }

 private:
  void HandOn(std::string_view bytes);

  int fd_;
  int to_;
  bool reader_is_gone_ = false;
  OutputCapture capture_;
};

bool MakeNonBlocking(int fd);

// Reads both until they end, at most until `deadline`: what was written before the last writer was killed is still
// there.
void Drain(OutputPipe& out, OutputPipe& err, SteadyTime deadline);

}  // namespace fumehood::sandbox
