#pragma once

#include <chrono>
#include <functional>
#include <stop_token>
#include <string>
#include <thread>

namespace fumehood::service {

// Calls `task` at once and then every `period`, from a thread of its own, until destroyed. `task` gets a token that
// says when to hurry up.
class Periodically {
 public:
  using Task = std::function<void(std::stop_token)>;

  // `name` names the thread; 15 characters at most are kept.
  Periodically(const std::string& name, std::chrono::milliseconds period, Task task);

 private:
  std::jthread thread_;
};

}  // namespace fumehood::service
