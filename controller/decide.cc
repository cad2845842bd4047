#include "controller/decide.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <functional>
#include <set>
#include <utility>

#include "lib/api/names.h"
#include "lib/api/quantity.h"
#include "lib/api/validation.h"

namespace fumehood::controller {
namespace {

bool Offers(const std::vector<std::string>& offered, const std::string& wanted) {
  return std::ranges::find(offered, wanted) != offered.end();
}

std::string Describe(const std::map<std::string, std::string>& selector) {
  std::vector<std::string> entries;
  for (const auto& [label, value] : selector) entries.push_back(label + "=" + value);
  return fmt::format("{}", fmt::join(entries, ","));
}

bool HasRoom(int64_t wanted, int64_t taken, const std::optional<int64_t>& allocatable) {
  return !allocatable || wanted + taken <= *allocatable;
}

// Whether it could be run there, with nothing else on the node.
bool CouldHold(const ReadyExecutor& executor, const api::Resources& resources) {
  const auto& allocatable = executor.offer->status.allocatable;
  return HasRoom(resources.cpu_millis, 0, allocatable.cpu_millis) &&
         HasRoom(resources.memory_bytes, 0, allocatable.memory_bytes);
}

bool CanTake(const ReadyExecutor& executor, const api::Resources& resources) {
  const auto& allocatable = executor.offer->status.allocatable;
  return executor.free_slots() > 0 && HasRoom(resources.cpu_millis, executor.load.cpu_millis, allocatable.cpu_millis) &&
         HasRoom(resources.memory_bytes, executor.load.memory_bytes, allocatable.memory_bytes);
}

// What a command needs of an executor.
struct Demand {
  const api::SandboxCommandSpec& spec;
  const api::RuntimeClass& runtime_class;
  const api::Resources& resources;
};

// What keeps an executor from running a command, were there nothing else on the node: the first of these.
enum class Lack { kExecutor, kHandler, kLabelsOfTheClass, kLabels, kImage, kCapacity, kNothing };

Lack WhatIsLacking(const ReadyExecutor& executor, const Demand& demand) {
  const auto& offer = executor.offer->status;
  const auto& labels = executor.node->metadata.labels;
  if (!Offers(offer.handlers, demand.runtime_class.handler)) return Lack::kHandler;
  if (!api::Selects(demand.runtime_class.node_selector, labels)) return Lack::kLabelsOfTheClass;
  if (!api::Selects(demand.spec.node_selector, labels)) return Lack::kLabels;
  if (!Offers(offer.images, demand.spec.image)) return Lack::kImage;
  return CouldHold(executor, demand.resources) ? Lack::kNothing : Lack::kCapacity;
}

// A few of the images that there are where only the image is lacking: enough to see what a mistyped name was meant to
// be.
std::string DescribeImages(const RankedExecutors& executors, const Demand& demand) {
  constexpr size_t kEnough = 20;
  std::set<std::string> images;
  for (const ReadyExecutor& executor : executors) {
    if (WhatIsLacking(executor, demand) != Lack::kImage) continue;
    const auto& offered = executor.offer->status.images;
    images.insert(offered.begin(), offered.end());
  }
  if (images.empty()) return "none";
  const auto last = std::next(images.begin(), static_cast<ptrdiff_t>(std::min(images.size(), kEnough)));
  return fmt::format("{}{}", fmt::join(images.begin(), last, ", "), images.size() > kEnough ? ", …" : "");
}

// Why nobody could run it: the executors that come nearest to it lack this.
Wait WaitForWhatIsLacking(Lack lack, const RankedExecutors& executors, const Demand& demand) {
  const std::string_view nobody = api::reason::kNoExecutorAvailable;
  switch (lack) {
    case Lack::kExecutor: return {nobody, "no executor is ready"};
    case Lack::kHandler:
      return {nobody, fmt::format("no ready executor serves the handler \"{}\" of the RuntimeClass \"{}\"",
                                  demand.runtime_class.handler, demand.runtime_class.metadata.name)};
    case Lack::kLabelsOfTheClass:
      return {nobody,
              fmt::format("no ready executor is on a node with the labels {} that the RuntimeClass \"{}\" asks for",
                          Describe(demand.runtime_class.node_selector), demand.runtime_class.metadata.name)};
    case Lack::kLabels:
      return {nobody, fmt::format("no ready executor is on a node with the labels {} of spec.nodeSelector",
                                  Describe(demand.spec.node_selector))};
    case Lack::kImage:
      return {api::reason::kImageNotFound, fmt::format("no ready executor offers the image \"{}\"; offered: {}",
                                                       demand.spec.image, DescribeImages(executors, demand))};
    case Lack::kCapacity:
    case Lack::kNothing: break;
  }
  return {nobody, fmt::format("no ready executor that could run it has cpu {} and memory {} in all",
                              api::FormatMilliQuantity(demand.resources.cpu_millis),
                              api::FormatByteQuantity(demand.resources.memory_bytes))};
}

Decision Place(const api::SandboxCommand& command, const api::Resources& resources, const Facts& facts) {
  if (facts.runtime_class == nullptr) {
    return Wait{
        api::reason::kRuntimeClassNotFound,
        fmt::format("the RuntimeClass \"{}\" does not exist; the command starts once an administrator creates it",
                    command.spec.runtime_class_name)};
  }
  const Demand demand{command.spec, *facts.runtime_class, resources};
  Lack least = Lack::kExecutor;
  const ReadyExecutor* best = nullptr;
  // Where an attempt came to nothing, the next is made only where nobody else could run it: a node that can't start
  // sandboxes is never busy, and would always be chosen.
  const ReadyExecutor* last_resort = nullptr;
  bool others_could = false;
  for (const ReadyExecutor& executor : facts.executors) {
    const Lack lack = WhatIsLacking(executor, demand);
    least = std::max(least, lack);
    if (lack != Lack::kNothing) continue;
    if (command.status.attempt > 0 && executor.node_name() == command.status.node_name) {
      last_resort = &executor;
      continue;
    }
    others_could = true;
    if (CanTake(executor, resources)) best = &executor;
    // The best of those that can, or else one without a free slot, as all that come after it.
    if (best != nullptr || executor.free_slots() <= 0) break;
  }
  if (least != Lack::kNothing) return WaitForWhatIsLacking(least, facts.executors, demand);
  const auto& max_running = facts.configuration.RulesOf(command.metadata.ns).max_running;
  if (max_running && facts.running >= *max_running) {
    return Wait{
        api::reason::kQuotaExceeded,
        fmt::format("the namespace may have at most {} running at a time; this one starts when another has ended",
                    *max_running)};
  }
  if (!others_could && CanTake(*last_resort, resources)) best = last_resort;
  if (best == nullptr) return WaitForASlot();
  return Bind{.node_name = best->node_name(), .executor = best->offer->status.executor, .resources = resources};
}

// A drained executor has done no harm, and there are only so many drains; all else would go on for ever.
bool CountsAsRetry(const api::SandboxCommand& command, bool lost) {
  const std::string_view because = HandedBackBecause(command);
  return lost || (!because.empty() && because != api::reason::kDraining);
}

std::string DescribeLastAttempt(const api::SandboxCommand& command, bool lost) {
  const auto* scheduled = api::FindCondition(command.status.conditions, api::condition::kScheduled);
  return fmt::format("attempt {} came to nothing, and spec.retryLimit is {}: {}", command.status.attempt,
                     command.spec.retry_limit,
                     lost || scheduled == nullptr ? fmt::format("the executor of {} was lost", command.status.node_name)
                                                  : scheduled->message);
}

Decision WithRetries(Decision decision, int64_t retries) {
  if (auto* bind = std::get_if<Bind>(&decision)) bind->retries = retries;
  if (auto* wait = std::get_if<Wait>(&decision)) wait->retries = retries;
  return decision;
}

}  // namespace

std::string_view HandedBackBecause(const api::SandboxCommand& command) {
  if (command.status.attempt == 0 || command.IsBound() || command.IsFinished()) return {};
  const auto* scheduled = api::FindCondition(command.status.conditions, api::condition::kScheduled);
  if (scheduled == nullptr) return {};
  for (const auto reason : {api::reason::kExecutorLost, api::reason::kDraining, api::reason::kRejected}) {
    if (scheduled->reason == reason) return reason;
  }
  return {};
}

Wait WaitForASlot() {
  return {api::reason::kQueued,
          "every slot of the executors that could run it is taken, or goes to commands that come before it"};
}

Decision Decide(const api::SandboxCommand& command, const Facts& facts) {
  const bool lost = command.IsBound() && facts.bound_executor == Liveness::kLost;
  if (command.IsFinished() || (command.IsBound() && !lost)) return Nothing{};
  if (command.IsCancelled()) {
    return End{api::Phase::kCancelled, api::reason::kCancelled,
               lost ? fmt::format("cancelled; the executor of {} was lost, what the command did is unknown",
                                  command.status.node_name)
                    : "cancelled before it was started"};
  }
  if (const Status valid = api::Validate(command.spec); !valid) {
    return End{api::Phase::kFailed, api::reason::kInvalidSpec, valid.error().message};
  }
  const auto resources = api::Admit(command.spec, facts.configuration.RulesOf(command.metadata.ns));
  if (!resources) return End{api::Phase::kFailed, api::reason::kInvalidSpec, resources.error().message};
  if (!facts.configuration.ReadableDirectoryOf(command.metadata.ns, command.spec.repository.path)) {
    return End{api::Phase::kFailed, api::reason::kRepositoryUnavailable,
               DescribeRefusal(facts.configuration, command.metadata.ns, command.spec.repository.path)};
  }
  const int64_t retries = command.status.retries + (CountsAsRetry(command, lost) ? 1 : 0);
  if (retries > command.spec.retry_limit) {
    return End{api::Phase::kFailed, api::reason::kExecutorLost, DescribeLastAttempt(command, lost)};
  }
  return WithRetries(Place(command, *resources, facts), retries);
}

}  // namespace fumehood::controller
