#pragma once

#include <deque>
#include <mutex>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "lib/kube/transport.h"

namespace fumehood::kube {

// Answers requests with what was scripted, in that order, and keeps them. Safe to use from several threads.
class FakeTransport final : public HttpTransport {
 public:
  // The next answer. For a stream of success, `chunks` go to the sink, and `failure` may end it; a `failure` without
  // chunks comes instead of an answer.
  struct Answer {
    int status = 200;
    std::string body = {};
    std::vector<std::string> chunks = {};
    std::optional<Error> failure = {};
    std::optional<std::chrono::seconds> retry_after = {};
  };

  void Script(Answer answer) {
    const std::lock_guard lock(mutex_);
    answers_.push_back(std::move(answer));
  }

  std::vector<HttpRequest> requests() const {
    const std::lock_guard lock(mutex_);
    return requests_;
  }

  Result<HttpResponse> Send(const HttpRequest& request, std::stop_token stop) override {
    const Answer answer = Take(request);
    if (stop.stop_requested()) return Fail(ErrorCode::kCancelled, "cancelled");
    if (answer.failure) return std::unexpected(*answer.failure);
    return HttpResponse{answer.status, answer.body, answer.retry_after};
  }

  Result<HttpResponse> Stream(const HttpRequest& request, const ChunkSink& sink, std::stop_token stop) override {
    const Answer answer = Take(request);
    if (stop.stop_requested()) return Fail(ErrorCode::kCancelled, "cancelled");
    if (answer.status < 300 && (!answer.failure || !answer.chunks.empty()) && sink("") == StreamControl::kStop) {
      return HttpResponse{answer.status, "", answer.retry_after};
    }
    for (const std::string& chunk : answer.chunks) {
      if (sink(chunk) == StreamControl::kStop) return HttpResponse{answer.status, "", answer.retry_after};
    }
    if (answer.failure) return std::unexpected(*answer.failure);
    return HttpResponse{answer.status, answer.body, answer.retry_after};
  }

 private:
  Answer Take(const HttpRequest& request) {
    const std::lock_guard lock(mutex_);
    requests_.push_back(request);
    if (answers_.empty()) return {.failure = Error{ErrorCode::kInternal, "nothing was scripted"}};
    Answer answer = std::move(answers_.front());
    answers_.pop_front();
    return answer;
  }

  mutable std::mutex mutex_;  // guards what follows
  std::deque<Answer> answers_;
  std::vector<HttpRequest> requests_;
};

}  // namespace fumehood::kube
