#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <variant>

#include "lib/base/time.h"
#include "lib/kube/transport.h"

namespace fumehood::kube {

// One request under way: what the HTTP library's io thread has received of the answer, for the thread that
// waits for it. The io thread never blocks here; the queue between the two is bounded by telling the io
// thread to pause.
class HttpExchange {
 public:
  // How the exchange ended: `failure` is empty after a whole answer.
  struct End {
    std::string failure = {};
    bool nothing_sent = false;         // of the request's body: the server cannot have acted upon it
    bool connection_was_dead = false;  // before anything was written: the same request may be sent again
  };
  struct Head {
    int status = 0;
    std::optional<std::chrono::seconds> retry_after;
  };
  struct TimedOut {};
  struct Stopped {};
  // What there is next for the caller; a string is a part of the body.
  using Event = std::variant<Head, std::string, End, TimedOut, Stopped>;

  enum class Intake {
    kMore,    // go on
    kPause,   // taken, but go on only when `resume` is called
    kClosed,  // nobody wants any more
  };

  // More than so many bytes waiting make the io thread pause.
  explicit HttpExchange(size_t max_waiting_bytes) : max_waiting_bytes_(max_waiting_bytes) {}

  // From the io thread. `resume` is called once after kPause, from the caller's thread.
  void OnHead(Head head);
  Intake OnBody(std::string_view bytes, std::function<void()> resume);
  void OnEnd(End end);

  // From the caller's thread. The Head comes once and first, then the parts of the body, then the End.
  Event Next(SteadyTime deadline, std::stop_token stop);
  std::optional<Head> head() const;
  // The caller takes nothing any more; a paused io thread is resumed.
  void Close();

 private:
  const size_t max_waiting_bytes_;

  mutable std::mutex mutex_;  // guards what follows; no callback is called under it
  std::condition_variable_any changed_;
  std::optional<Head> head_;
  bool head_was_taken_ = false;
  std::deque<std::string> waiting_;
  size_t waiting_bytes_ = 0;
  std::function<void()> resume_;
  std::optional<End> end_;
  bool closed_ = false;
};

}  // namespace fumehood::kube
