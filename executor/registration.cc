#include "executor/registration.h"

#include <utility>

#include "executor/resources.h"
#include "lib/api/names.h"

namespace fumehood::executor {
namespace {

api::Condition Ready(const Offer& offer, Availability availability, WallTime now) {
  api::Condition ready{.type = std::string(api::condition::kReady),
                       .status = api::ConditionStatus::kTrue,
                       .reason = std::string(api::reason::kServing),
                       .message = "takes commands",
                       .last_transition_time = offer.since};
  if (offer.images.empty()) {
    ready.status = api::ConditionStatus::kFalse;
    ready.reason = api::reason::kNoUsableImage;
    ready.message = "the images folder has no usable root file system; the executor's log says why";
  }
  if (availability == Availability::kStopping) {
    ready.status = api::ConditionStatus::kFalse;
    ready.reason = api::reason::kStopping;
    ready.message = "the executor is ending";
    ready.last_transition_time = now;
  }
  return ready;
}

Status CreateExecutor(kube::Client& client, const Offer& offer, std::stop_token stop) {
  const auto created = client.Create(kSandboxExecutors, "",
                                     {{"apiVersion", api::kApiVersion},
                                      {"kind", api::kSandboxExecutorKind},
                                      {"metadata", {{"name", offer.node_name}}}},
                                     stop);
  if (!created && created.error().code != ErrorCode::kAlreadyExists) return std::unexpected(created.error());
  return {};
}

}  // namespace

api::SandboxExecutorStatus ExecutorStatus(const Offer& offer, Availability availability, WallTime now) {
  return {.executor = offer.executor,
          .slots = offer.slots,
          .images = offer.images,
          .handlers = {offer.handler},
          .runtime = offer.runtime,
          .heartbeat_time = now,
          .conditions = {Ready(offer, availability, now)}};
}

Status Register(kube::Client& client, const Offer& offer, Availability availability, WallTime now,
                std::stop_token stop) {
  const kube::ObjectName name{"", offer.node_name};
  const kube::Json patch = {{"status", ToJson(ExecutorStatus(offer, availability, now))}};
  auto patched = client.Patch(kSandboxExecutors, name, kube::PatchKind::kMerge, patch, "status", stop);
  if (!patched && patched.error().code == ErrorCode::kNotFound) {
    if (Status created = CreateExecutor(client, offer, stop); !created) return created;
    patched = client.Patch(kSandboxExecutors, name, kube::PatchKind::kMerge, patch, "status", stop);
  }
  if (!patched) return std::unexpected(patched.error());
  return {};
}

}  // namespace fumehood::executor
