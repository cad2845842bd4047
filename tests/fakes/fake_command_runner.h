#pragma once

#include <functional>
#include <mutex>
#include <stop_token>
#include <utility>
#include <vector>

#include "lib/sandbox/command_runner.h"

namespace fumehood::sandbox {

// Runs a function of the test in place of each command, and keeps what was asked for. Safe to use from several threads
// when the function is.
class FakeCommandRunner final : public CommandRunner {
 public:
  using Behaviour = std::function<Result<RunResult>(const std::function<void()>& on_started, std::stop_token stop)>;

  // By itself every command starts, and exits with 0 at once.
  void Behave(Behaviour behaviour) { behaviour_ = std::move(behaviour); }

  Result<RunResult> Run(const RunRequest& request, const std::function<void()>& on_started,
                        std::stop_token stop) override {
    {
      std::lock_guard lock(mutex_);
      requests_.push_back(request);
    }
    return behaviour_(on_started, std::move(stop));
  }

  std::vector<RunRequest> requests() const {
    std::lock_guard lock(mutex_);
    return requests_;
  }

 private:
  Behaviour behaviour_ = [](const std::function<void()>& on_started, std::stop_token) -> Result<RunResult> {
    on_started();
    RunResult result;
    result.ending = Exited{0};
    return result;
  };
  mutable std::mutex mutex_;  // guards what follows
  std::vector<RunRequest> requests_;
};

}  // namespace fumehood::sandbox
