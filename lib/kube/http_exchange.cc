#include "lib/kube/http_exchange.h"

#include <utility>

namespace fumehood::kube {

void HttpExchange::OnHead(Head head) {
  {
    const std::lock_guard lock(mutex_);
    head_ = head;
  }
  changed_.notify_one();
}

HttpExchange::Intake HttpExchange::OnBody(std::string_view bytes, std::function<void()> resume) {
  Intake intake = Intake::kMore;
  {
    const std::lock_guard lock(mutex_);
    if (closed_) return Intake::kClosed;
    waiting_.emplace_back(bytes);
    waiting_bytes_ += bytes.size();
    if (waiting_bytes_ > max_waiting_bytes_) {
      resume_ = std::move(resume);
      intake = Intake::kPause;
    }
  }
  changed_.notify_one();
  return intake;
}

void HttpExchange::OnEnd(End end) {
  {
    const std::lock_guard lock(mutex_);
    end_ = std::move(end);
  }
  changed_.notify_one();
}

HttpExchange::Event HttpExchange::Next(SteadyTime deadline, std::stop_token stop) {
  std::unique_lock lock(mutex_);
  changed_.wait_until(lock, stop, deadline, [this] {
    return (head_.has_value() && !head_was_taken_) || !waiting_.empty() || end_.has_value();
  });
  if (stop.stop_requested()) return Stopped{};
  if (head_.has_value() && !std::exchange(head_was_taken_, true)) return *head_;
  if (!waiting_.empty()) {
    std::string bytes = std::move(waiting_.front());
    waiting_.pop_front();
    waiting_bytes_ -= bytes.size();
    std::function<void()> resume;
    if (waiting_bytes_ <= max_waiting_bytes_) resume = std::exchange(resume_, nullptr);
    lock.unlock();
    if (resume) resume();
    return bytes;
  }
  if (end_.has_value()) return *end_;
  return TimedOut{};
}

std::optional<HttpExchange::Head> HttpExchange::head() const {
  const std::lock_guard lock(mutex_);
  return head_;
}

void HttpExchange::Close() {
  std::function<void()> resume;
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    waiting_.clear();
    waiting_bytes_ = 0;
    resume = std::exchange(resume_, nullptr);
  }
  if (resume) resume();
}

}  // namespace fumehood::kube
