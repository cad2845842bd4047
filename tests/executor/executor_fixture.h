#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <variant>

#include "executor/executor.h"
#include "executor/ledger.h"
#include "executor/metrics.h"
#include "executor/reporter.h"
#include "executor/resources.h"
#include "lib/service/metrics.h"
#include "tests/fakes/fake_api_server.h"
#include "tests/fakes/fake_clock.h"
#include "tests/fakes/fake_command_runner.h"
#include "tests/fakes/fake_disk.h"
#include "tests/fakes/sample_objects.h"

namespace fumehood::executor {

// An executor with one slot on an API server in memory. The test decides when the watch shows what has changed, and
// when the threads take their turn.
class ExecutorFixture : public testing::Test {
 protected:
  using json = nlohmann::json;

  ExecutorFixture() { StartExecutor(); }

  // The executor dies, and the next one of the node opens the ledger and begins.
  void RestartExecutor() {
    executor_.reset();
    reporter_.reset();
    ledger_.reset();
    StartExecutor();
  }

  // The controller has bound the command to this node, and the watch shows it.
  void Bind(json command) {
    server_.Put(kSandboxCommands, command);
    Show();
  }
  // The watch shows the command as it is now.
  void Show() { executor_->commands_sink().Apply(server_.Find(kSandboxCommands, kName).value()); }
  void ShowCancelled() {
    json command = server_.Find(kSandboxCommands, kName).value();
    command["spec"]["cancel"] = true;
    server_.Put(kSandboxCommands, std::move(command));
    Show();
  }
  void ShowDeleted() {
    const json last = server_.Find(kSandboxCommands, kName).value();
    server_.Erase(kSandboxCommands, kName);
    executor_->commands_sink().Remove(last);
  }

  // The slot takes all that is to be run, and afterwards all reports are written.
  void RunAll() {
    RunSlot();
    ReportAll();
  }
  void RunSlot() {
    while (const auto key = executor_->attempts().TryGet()) {
      const kube::Outcome outcome = executor_->RunAttempt(*key, {});
      if (const auto* again = std::get_if<kube::LookAgain>(&outcome))
        executor_->attempts().AddAfter(*key, again->after);
      executor_->attempts().Done(*key);
    }
  }
  void ReportAll() {
    while (const auto key = reporter_->pending().TryGet()) {
      const kube::Outcome outcome = reporter_->Deliver(*key, {});
      if (std::holds_alternative<kube::TryAgain>(outcome)) reporter_->pending().AddRateLimited(*key);
      if (std::holds_alternative<kube::LookAgain>(outcome)) reporter_->pending().Add(*key);
      reporter_->pending().Done(*key);
    }
  }
  // What the thread does that mentions long running commands.
  void MentionAll() {
    while (const auto key = executor_->long_running().TryGet()) {
      executor_->MentionRunning(*key, {});
      executor_->long_running().Done(*key);
    }
  }

  api::SandboxCommand Stored() const { return api::Read(server_.Find(kSandboxCommands, kName).value()); }
  std::string ReasonOfScheduled() const {
    const auto stored = Stored();
    const auto* scheduled = api::FindCondition(stored.status.conditions, "Scheduled");
    return scheduled == nullptr ? "" : scheduled->reason;
  }
  size_t runs() const { return runner_.requests().size(); }

  const kube::ObjectName kName{"team-a", "build"};
  const json bound_ = api::AsBound(api::SampleCommand());
  FakeClock clock_;
  kube::FakeApiServer server_;
  kube::Client client_{server_, "fumehood-executor"};
  service::Log log_{service::LogLevel::kError};
  sandbox::FakeCommandRunner runner_;
  service::Metrics rendered_metrics_;
  ExecutorMetrics metrics_{rendered_metrics_, 1};
  FakeDisk disk_{1};
  bool lease_held_ = true;
  int failed_runs_ = 0;
  std::shared_ptr<const api::Configuration> configuration_ = std::make_shared<const api::Configuration>();
  bool lists_at_start_ = true;  // else the test does it
  std::unique_ptr<Ledger> ledger_;
  std::optional<Reporter> reporter_;
  std::optional<Executor> executor_;

 private:
  void StartExecutor() {
    ledger_ = Ledger::Open(disk_.Attach()).value();
    reporter_.emplace(Reporter::Parts{client_, *ledger_, clock_, log_, metrics_});
    executor_.emplace(Executor::Parts{clock_, log_, runner_, *ledger_, *reporter_, metrics_,
                                      [this] { return lease_held_; }, "runsc", [this] { return configuration_; },
                                      nullptr, [this] { ++failed_runs_; }});
    executor_->Recover(ledger_->entries());
    if (lists_at_start_) executor_->commands_sink().Replace(server_.All(kSandboxCommands, "team-a"));
  }
};

inline sandbox::RunResult Ended(sandbox::Ending ending) {
  sandbox::RunResult result;
  result.ending = std::move(ending);
  return result;
}

}  // namespace fumehood::executor
