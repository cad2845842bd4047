#include "lib/kube/lease.h"

#include <string_view>
#include <tuple>
#include <utility>

#include "lib/base/json_fields.h"

namespace fumehood::kube {
namespace {

// What the object holds.
WallTime ToMicroseconds(WallTime time) { return std::chrono::floor<std::chrono::microseconds>(time); }

auto RecordOf(const Lease& lease) {
  return std::tie(lease.metadata.uid, lease.holder_identity, lease.duration, lease.acquire_time, lease.renew_time,
                  lease.transitions);
}

void SetTime(Json& spec, std::string_view field, const std::optional<WallTime>& time) {
  if (time) {
    spec[std::string(field)] = FormatMicroTime(*time);
  } else {
    spec.erase(std::string(field));
  }
}

Result<Lease> ReadAnswer(Result<Json> answer) {
  if (!answer) return Forward(std::move(answer));
  return ReadLease(*answer);
}

}  // namespace

bool SameRecord(const Lease& a, const Lease& b) { return RecordOf(a) == RecordOf(b); }

Result<Lease> ReadLease(const Json& object) {
  Result<Lease> lease = ReadLeaseRecord(object);
  if (lease) lease->object = object;
  return lease;
}

Result<Lease> ReadLeaseRecord(const Json& object) {
  const Json& metadata = FieldAt(object, "metadata");
  const Json& spec = FieldAt(object, "spec");
  Lease lease{.metadata = {.ns = StringAt(metadata, "namespace"),
                           .name = StringAt(metadata, "name"),
                           .uid = StringAt(metadata, "uid"),
                           .resource_version = StringAt(metadata, "resourceVersion")},
              .holder_identity = StringAt(spec, "holderIdentity"),
              .duration = std::nullopt,
              .acquire_time = TimeAt(spec, "acquireTime"),
              .renew_time = TimeAt(spec, "renewTime"),
              .transitions = IntegerAt(spec, "leaseTransitions", 0)};
  if (lease.metadata.name.empty() || lease.metadata.uid.empty()) {
    return Fail(ErrorCode::kInvalid, "read a Lease: it has no metadata.name or no metadata.uid");
  }
  if (const auto seconds = OptionalIntegerAt(spec, "leaseDurationSeconds")) {
    lease.duration = std::chrono::seconds(*seconds);
  }
  return lease;
}

Json ToJson(const Lease& lease) {
  Json object = lease.object;
  object["apiVersion"] = "coordination.k8s.io/v1";
  object["kind"] = "Lease";
  Json& metadata = object["metadata"];
  metadata["namespace"] = lease.metadata.ns;
  metadata["name"] = lease.metadata.name;
  if (!lease.metadata.uid.empty()) metadata["uid"] = lease.metadata.uid;
  if (!lease.metadata.resource_version.empty()) metadata["resourceVersion"] = lease.metadata.resource_version;
  Json& spec = object["spec"];
  spec["holderIdentity"] = lease.holder_identity;
  spec["leaseTransitions"] = lease.transitions;
  if (lease.duration) {
    spec["leaseDurationSeconds"] = lease.duration->count();
  } else {
    spec.erase("leaseDurationSeconds");
  }
  SetTime(spec, "acquireTime", lease.acquire_time);
  SetTime(spec, "renewTime", lease.renew_time);
  return object;
}

Result<Lease> GetLease(Client& client, const ObjectName& name, std::stop_token stop) {
  return ReadAnswer(client.Get(kLeases, name, std::move(stop)));
}

Result<Lease> CreateLease(Client& client, const Lease& lease, std::stop_token stop) {
  return ReadAnswer(client.Create(kLeases, lease.metadata.ns, ToJson(lease), std::move(stop)));
}

Result<Lease> UpdateLease(Client& client, const Lease& lease, std::stop_token stop) {
  return ReadAnswer(client.Update(kLeases, {lease.metadata.ns, lease.metadata.name}, ToJson(lease), std::move(stop)));
}

WallTime NextRenewTime(const Lease& lease, WallTime now) {
  const WallTime time = ToMicroseconds(now);
  return lease.renew_time && *lease.renew_time == time ? time + std::chrono::microseconds(1) : time;
}

}  // namespace fumehood::kube
