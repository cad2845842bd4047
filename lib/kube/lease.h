// The Lease of coordination.k8s.io/v1 as a value, and the three calls about one. The client sends them as
// TrafficClass::kLease, over connections that no other request waits for.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <stop_token>
#include <string>

#include "lib/base/result.h"
#include "lib/base/time.h"
#include "lib/kube/client.h"

namespace fumehood::kube {

inline const ResourceType kLeases{"coordination.k8s.io", "v1", "leases"};

struct LeaseMetadata {
  std::string ns;
  std::string name;
  std::string uid = {};  // empty: not created yet
  std::string resource_version = {};
};

struct Lease {
  LeaseMetadata metadata;
  std::string holder_identity = {};  // empty: nobody's
  // How long after its renewal the holder may be believed to be there; nothing where the object doesn't say.
  std::optional<std::chrono::seconds> duration = {};
  // The holder's wall clock: for people. Who judges by it trusts that clock.
  std::optional<WallTime> acquire_time = {};
  std::optional<WallTime> renew_time = {};
  int64_t transitions = 0;  // how often the holder changed
  // The object as it was read: labels, owners, annotations and whatever else is written back with it.
  Json object = Json::object();
};

// Whether the two say the same about the same object. False after every renewal.
bool SameRecord(const Lease& a, const Lease& b);

// kInvalid where the object has no name or no uid. A field of the wrong type reads as a missing one.
Result<Lease> ReadLease(const Json& object);
// The same without Lease::object, for those who watch many and write none: it takes more than all the rest.
Result<Lease> ReadLeaseRecord(const Json& object);
Json ToJson(const Lease& lease);

// The errors are the client's. Each returns the lease as the server has it.
Result<Lease> GetLease(Client& client, const ObjectName& name, std::stop_token stop);
Result<Lease> CreateLease(Client& client, const Lease& lease, std::stop_token stop);
// kConflict where the lease isn't of the version that was read any more.
Result<Lease> UpdateLease(Client& client, const Lease& lease, std::stop_token stop);

// When to say that a lease was renewed: `now`, but never what it says already. An update that changes nothing makes no
// new version, and whoever waits for a change would take its holder for dead.
WallTime NextRenewTime(const Lease& lease, WallTime now);

}  // namespace fumehood::kube
