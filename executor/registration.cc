#include "executor/registration.h"

#include <utility>

#include "executor/resources.h"
#include "lib/api/names.h"

namespace fumehood::executor {
namespace {

Status CreateExecutor(kube::Client& client, const std::string& node_name, std::stop_token stop) {
  const auto created = client.Create(
      kSandboxExecutors, "",
      {{"apiVersion", api::kApiVersion}, {"kind", api::kSandboxExecutorKind}, {"metadata", {{"name", node_name}}}},
      stop);
  if (!created && created.error().code != ErrorCode::kAlreadyExists) return std::unexpected(created.error());
  return {};
}

}  // namespace

Readiness ReadinessOf(ImageTrials::Standing images) {
  if (!images.usable.empty()) {
    return {true, std::string(api::reason::kServing), "takes commands", std::move(images.usable)};
  }
  if (images.problem) {
    return {false,
            std::string(api::reason::kNoSandbox),
            fmt::format("no sandbox starts here, which is tried again every few seconds: {}", images.problem->message),
            {}};
  }
  return {false,
          std::string(api::reason::kNoUsableImage),
          "the images folder has no usable root file system; the executor's log says why",
          {}};
}

Readiness Draining(ImageTrials::Standing images) {
  return {false, std::string(api::reason::kDraining), "the executor is ending, and hands back what it can't finish",
          std::move(images.usable)};
}

Readiness LedgerUnavailable(const Error& error, ImageTrials::Standing images) {
  return {false, std::string(api::reason::kLedgerUnavailable), "nothing can be started: " + error.message,
          std::move(images.usable)};
}

Registration::Registration(kube::Client& client, const Clock& clock, Offer offer)
    : client_(client), clock_(clock), offer_(std::move(offer)) {}

Status Registration::Refresh(const Readiness& readiness, std::stop_token stop) {
  api::SandboxExecutorStatus status;
  {
    std::lock_guard lock(mutex_);
    if (said_ == readiness && clock_.SteadyNow() - written_ < kRewritePeriod) return {};
    status = StatusLocked(readiness);
  }
  if (Status written = Write(status, stop); !written) return written;
  std::lock_guard lock(mutex_);
  said_ = readiness;
  since_ = status.conditions.front().last_transition_time;
  written_ = clock_.SteadyNow();
  return {};
}

api::SandboxExecutorStatus Registration::StatusLocked(const Readiness& readiness) {
  const bool same = said_ && said_->ready == readiness.ready;
  return {.executor = offer_.executor,
          .slots = offer_.slots,
          .allocatable = offer_.allocatable,
          .images = readiness.images,
          .handlers = {offer_.handler},
          .runtime = offer_.runtime,
          .conditions = {{.type = std::string(api::condition::kReady),
                          .status = readiness.ready ? api::ConditionStatus::kTrue : api::ConditionStatus::kFalse,
                          .reason = readiness.reason,
                          .message = readiness.message,
                          .last_transition_time = same ? since_ : clock_.WallNow()}}};
}

Status Registration::Write(const api::SandboxExecutorStatus& status, std::stop_token stop) {
  const kube::ObjectName name{"", offer_.node_name};
  const kube::Json patch = {{"status", ToJson(status)}};
  auto patched = client_.Patch(kSandboxExecutors, name, kube::PatchKind::kMerge, patch, "status", stop);
  if (!patched && patched.error().code == ErrorCode::kNotFound) {
    if (Status created = CreateExecutor(client_, offer_.node_name, stop); !created) return created;
    patched = client_.Patch(kSandboxExecutors, name, kube::PatchKind::kMerge, patch, "status", stop);
  }
  if (!patched) return std::unexpected(patched.error());
  return {};
}

}  // namespace fumehood::executor
