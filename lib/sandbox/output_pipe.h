#pragma once

#include <poll.h>

#include <string>
#include <string_view>

#include "lib/base/time.h"
#include "lib/sandbox/output_capture.h"

namespace fumehood::sandbox {

// One output stream of a command: the reading end of a pipe, what is kept of it, and where it is handed on to. Nothing
// here waits: a stream that can't be handed on is not read either, and so its writer waits. Borrows the descriptors.
class OutputPipe {
 public:
  // `fd` must not block. `to` gets all of it as well, where it isn't -1; its flags stay as they are.
  OutputPipe(int fd, uint64_t max_bytes, int to);

  // What to poll for. Its descriptor is -1, which poll ignores, when there is nothing more to do.
  pollfd Awaited() const;
  // Goes on as far as it can after that: once, so that a flood can't keep the caller from looking at the clock.
  void Advance();

  // The command has closed it, and all of it has been handed on.
  bool HasEnded() const { return fd_ < 0 && unwritten_.empty(); }
  // Whether somebody keeps us waiting who may do so for as long as he likes.
  bool IsHandingOn() const { return !unwritten_.empty(); }
  // Whoever should get it too takes no more: as for a writer into a pipe without a reader, there is no use in going on.
  bool reader_is_gone() const { return reader_is_gone_; }

  CapturedOutput Take() && { return std::move(capture_).Take(); }

 private:
  void Read();
  void HandOn();

  int fd_;
  int to_;
  bool to_is_file_ = false;
  bool reader_is_gone_ = false;
  std::string buffer_;
  std::string_view unwritten_;  // of buffer_
  OutputCapture capture_;
};

bool MakeNonBlocking(int fd);

// Who takes an output after its command's end has...
enum class Patience {
  kUntilTaken,  // as long as it takes
  kLimited,     // no more time than the pipes
};

// Reads both until they end, at most so long: what was written before the last writer was killed is still there. Ends
// early when `stop_event` can be read; -1 is none.
void Drain(OutputPipe& out, OutputPipe& err, Patience patience, int stop_event, std::chrono::milliseconds limit);

}  // namespace fumehood::sandbox
