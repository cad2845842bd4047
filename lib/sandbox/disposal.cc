#include "lib/sandbox/disposal.h"

#include <pthread.h>

#include <utility>

namespace fumehood::sandbox {

namespace {

constexpr size_t kMaxWaiting = 32;

}  // namespace

Disposal::Disposal() : worker_([this](std::stop_token stop) { Work(stop); }) {
  pthread_setname_np(worker_.native_handle(), "disposal");
}

Disposal::~Disposal() = default;  // the worker empties the queue before it ends

void Disposal::Add(std::unique_ptr<Sandbox> sandbox) {
  {
    const std::lock_guard lock(mutex_);
    if (waiting_.size() < kMaxWaiting) waiting_.push_back(std::move(sandbox));
  }
  added_.notify_one();
}

void Disposal::Work(std::stop_token stop) {
  std::unique_lock lock(mutex_);
  while (true) {
    added_.wait(lock, stop, [this] { return !waiting_.empty(); });
    if (waiting_.empty()) return;
    std::unique_ptr<Sandbox> next = std::move(waiting_.front());
    waiting_.pop_front();
    lock.unlock();
    next.reset();
    lock.lock();
  }
}

}  // namespace fumehood::sandbox
