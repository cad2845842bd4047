#include "tests/bench/scale/creation.h"

#include <fmt/format.h>

#include <atomic>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "executor/resources.h"
#include "lib/api/names.h"
#include "lib/base/time.h"

namespace fumehood::bench {
namespace {

kube::Json CommandNamed(const std::string& name, const Creation& creation) {
  kube::Json spec = {{"command", {"true"}}, {"repository", {{"path", "sample"}}}};
  if (!creation.node_selector.empty()) spec["nodeSelector"] = creation.node_selector;
  return {{"apiVersion", api::kApiVersion},
          {"kind", api::kSandboxCommandKind},
          {"metadata", {{"name", name}, {"namespace", creation.ns}}},
          {"spec", std::move(spec)}};
}

}  // namespace

Result<std::chrono::nanoseconds> Create(kube::Client& client, const Creation& creation, CommandTimes& times) {
  const SystemClock clock;
  const SteadyTime begin = clock.SteadyNow();
  std::atomic<int64_t> next = 0;
  std::mutex mutex;
  std::optional<Error> failure;
  const auto create = [&](std::stop_token stop) {
    for (int64_t number = next++; number < creation.count && !stop.stop_requested(); number = next++) {
      if (creation.per_second > 0) {
        const std::chrono::duration<double> due(static_cast<double>(number) / creation.per_second);
        std::this_thread::sleep_until(begin + std::chrono::duration_cast<std::chrono::nanoseconds>(due));
      }
      const std::string name = fmt::format("{}-{:06}", creation.prefix, number);
      times.OnAsked(name);
      const auto created = client.Create(executor::kSandboxCommands, creation.ns, CommandNamed(name, creation), stop);
      if (created) continue;
      next = creation.count;
      std::lock_guard lock(mutex);
      if (!failure) failure = created.error();
    }
  };
  {
    std::vector<std::jthread> clients;
    for (int64_t i = 0; i < creation.clients; ++i) clients.emplace_back(create);
    for (auto& one : clients) one.join();
  }
  if (failure) return std::unexpected(*failure);
  return clock.SteadyNow() - begin;
}

}  // namespace fumehood::bench
