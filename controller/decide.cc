#include "controller/decide.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <functional>
#include <set>
#include <utility>

#include "lib/api/names.h"
#include "lib/api/validation.h"

namespace fumehood::controller {
namespace {

using Candidates = std::vector<const ReadyExecutor*>;

Candidates Filter(const Candidates& candidates, const std::function<bool(const ReadyExecutor&)>& keep) {
  Candidates kept;
  std::ranges::copy_if(candidates, std::back_inserter(kept), [&keep](const auto* executor) { return keep(*executor); });
  return kept;
}

bool Offers(const std::vector<std::string>& offered, const std::string& wanted) {
  return std::ranges::find(offered, wanted) != offered.end();
}

std::string Describe(const std::map<std::string, std::string>& selector) {
  std::vector<std::string> entries;
  for (const auto& [label, value] : selector) entries.push_back(label + "=" + value);
  return fmt::format("{}", fmt::join(entries, ","));
}

// A few of the images that there are: enough to see what a mistyped name was meant to be.
std::string DescribeImages(const Candidates& candidates) {
  constexpr size_t kEnough = 20;
  std::set<std::string> images;
  for (const ReadyExecutor* executor : candidates) {
    const auto& offered = executor->offer->status.images;
    images.insert(offered.begin(), offered.end());
  }
  if (images.empty()) return "none";
  const auto last = std::next(images.begin(), static_cast<ptrdiff_t>(std::min(images.size(), kEnough)));
  return fmt::format("{}{}", fmt::join(images.begin(), last, ", "), images.size() > kEnough ? ", …" : "");
}

// The smaller share of its slots is taken, the better; of equals, the one whose name comes first.
bool IsBetter(const ReadyExecutor* a, const ReadyExecutor* b) {
  const int64_t left = a->busy * b->slots();
  const int64_t right = b->busy * a->slots();
  return left != right ? left < right : a->node_name() < b->node_name();
}

Decision Place(const api::SandboxCommand& command, const api::RuntimeClass& runtime_class,
               std::span<const ReadyExecutor> executors) {
  const auto& spec = command.spec;
  Candidates candidates;
  for (const ReadyExecutor& executor : executors) candidates.push_back(&executor);
  if (candidates.empty()) return Wait{api::reason::kNoExecutorAvailable, "no executor is ready"};

  candidates =
      Filter(candidates, [&](const auto& e) { return Offers(e.offer->status.handlers, runtime_class.handler); });
  if (candidates.empty()) {
    return Wait{api::reason::kNoExecutorAvailable,
                fmt::format("no ready executor serves the handler \"{}\" of the RuntimeClass \"{}\"",
                            runtime_class.handler, runtime_class.metadata.name)};
  }
  candidates = Filter(
      candidates, [&](const auto& e) { return api::Selects(runtime_class.node_selector, e.node->metadata.labels); });
  if (candidates.empty()) {
    return Wait{api::reason::kNoExecutorAvailable,
                fmt::format("no ready executor is on a node with the labels {} that the RuntimeClass \"{}\" asks for",
                            Describe(runtime_class.node_selector), runtime_class.metadata.name)};
  }
  candidates =
      Filter(candidates, [&](const auto& e) { return api::Selects(spec.node_selector, e.node->metadata.labels); });
  if (candidates.empty()) {
    return Wait{api::reason::kNoExecutorAvailable,
                fmt::format("no ready executor is on a node with the labels {} of spec.nodeSelector",
                            Describe(spec.node_selector))};
  }
  Candidates able = Filter(candidates, [&](const auto& e) { return Offers(e.offer->status.images, spec.image); });
  if (able.empty()) {
    return Wait{api::reason::kImageNotFound, fmt::format("no ready executor offers the image \"{}\"; offered: {}",
                                                         spec.image, DescribeImages(candidates))};
  }
  // Whoever has handed the command back is asked again only where nobody else could run it: a node that can't start
  // sandboxes is never busy, and would always be chosen.
  if (command.status.attempt > 0) {
    Candidates others = Filter(able, [&](const auto& e) { return e.node_name() != command.status.node_name; });
    if (!others.empty()) able = std::move(others);
  }
  const Candidates free = Filter(able, [](const auto& e) { return e.free_slots() > 0; });
  if (free.empty()) {
    return Wait{api::reason::kQueued, "every slot of the executors that could run it is taken"};
  }
  const ReadyExecutor* best = *std::ranges::min_element(free, IsBetter);
  return Bind{best->node_name(), best->offer->status.executor};
}

}  // namespace

Decision Decide(const api::SandboxCommand& command, const api::RuntimeClass* runtime_class,
                std::span<const ReadyExecutor> executors) {
  if (command.IsFinished() || command.IsBound()) return Nothing{};
  if (command.IsCancelled()) {
    return End{api::Phase::kCancelled, api::reason::kCancelled, "cancelled before it was started"};
  }
  if (const Status valid = api::Validate(command.spec); !valid) {
    return End{api::Phase::kFailed, api::reason::kInvalidSpec, valid.error().message};
  }
  // Handed back: an executor was bound to it and could not run it. Its condition says why.
  if (command.status.attempt >= kMaxAttempts) {
    const auto* scheduled = api::FindCondition(command.status.conditions, api::condition::kScheduled);
    return End{api::Phase::kFailed, api::reason::kExecutorLost,
               fmt::format("handed back by an executor {} times; the last time: {}", command.status.attempt,
                           scheduled != nullptr ? scheduled->message : "no reason given")};
  }
  if (runtime_class == nullptr) {
    return Wait{
        api::reason::kRuntimeClassNotFound,
        fmt::format("the RuntimeClass \"{}\" does not exist; the command starts once an administrator creates it",
                    command.spec.runtime_class_name)};
  }
  return Place(command, *runtime_class, executors);
}

}  // namespace fumehood::controller
