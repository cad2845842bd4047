// The Kubernetes API as calls with values: objects are JSON, failures are Errors.
#pragma once

#include <chrono>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/result.h"
#include "lib/kube/transport.h"

namespace fumehood::kube {

using Json = nlohmann::json;

enum class Scope { kNamespaced, kCluster };

// One kind of object, as it stands in URLs.
struct ResourceType {
  std::string group;  // empty: the core group
  std::string version;
  std::string plural;
  Scope scope = Scope::kNamespaced;
};

// One object, or all of a kind: an empty namespace means all namespaces (or a cluster-scoped kind).
struct ObjectName {
  std::string ns;
  std::string name;

  auto operator<=>(const ObjectName&) const = default;
};

struct ListOptions {
  std::string ns = {};
  std::string field_selector = {};
  std::string label_selector = {};
  // "": the newest, read with quorum. "0": whatever the server's cache has. Else: at least as new as this.
  std::string resource_version = {};
  int page_size = 500;  // 0: all at once
};

struct ObjectList {
  std::vector<Json> items;
  std::string resource_version;
};

// A list as the server's printer columns: small, whatever the size of the objects.
struct Table {
  struct Row {
    ObjectName name;
    std::string uid;
    std::string resource_version;
    std::vector<Json> cells;
  };
  std::vector<std::string> columns;
  std::vector<Row> rows;
};

enum class PatchKind { kMerge, kJson };

struct WatchOptions {
  std::string ns = {};
  std::string field_selector = {};
  std::string label_selector = {};
  std::string resource_version = {};
  bool send_initial_events = false;              // a streaming list: resourceVersionMatch=NotOlderThan
  std::chrono::seconds server_timeout{180};      // when the server is to end the watch
  std::chrono::milliseconds idle_limit{90'000};  // no byte, not even a bookmark, for so long: the connection is dead
  std::function<void()> on_open = [] {};         // the server has accepted the watch; before its first line
};

// Only when the object is still exactly this one.
struct Preconditions {
  std::string uid = {};
  std::string resource_version = {};  // empty: whatever its version
};

// Safe to call from several threads. `transport` must outlive the client.
//
// Error codes: kInvalid (400, 422), kForbidden (401, 403), kNotFound (404), kAlreadyExists and kConflict
// (409, told apart by the Status' reason), kGone (410; also "too large resource version"), kTooLarge (413,
// and the 500 with which etcd's own limit shows), kUnavailable (429, 5xx, no connection), kOutcomeUnknown (a
// write whose answer was lost, or that the server gave up on with 500, 502 or 504). The message carries the server's
// own. No call is ever repeated here: the caller knows what repeating means.
class Client {
 public:
  // `field_manager` is a constant of the component: one that varies would grow every object's managedFields.
  Client(HttpTransport& transport, std::string field_manager);

  // The same client, but that calls about one object end after so long: 30 s for a read, 10 s for a write and 5 s for
  // anything about a Lease where this isn't said.
  Client WithTimeLimit(std::chrono::milliseconds limit) const;

  Result<Json> Get(const ResourceType& type, const ObjectName& name, std::stop_token stop = {});
  // Follows the pages to the end. A continuation that has expired (410) is kGone.
  Result<ObjectList> List(const ResourceType& type, const ListOptions& options, std::stop_token stop = {});
  Result<Table> ListAsTable(const ResourceType& type, const ListOptions& options, std::stop_token stop = {});
  Result<Json> Create(const ResourceType& type, const std::string& ns, const Json& object, std::stop_token stop = {});
  // Replaces the whole object, metadata.resourceVersion included: kConflict when it isn't the newest any more.
  Result<Json> Update(const ResourceType& type, const ObjectName& name, const Json& object, std::stop_token stop = {});
  // `subresource`: "" or "status".
  Result<Json> Patch(const ResourceType& type, const ObjectName& name, PatchKind kind, const Json& patch,
                     std::string_view subresource = "", std::stop_token stop = {});
  // An object that is gone already is kNotFound; another one under the same name is kConflict.
  Status Delete(const ResourceType& type, const ObjectName& name, const Preconditions& only_if,
                std::stop_token stop = {});
  // Calls `on_line` with each line that the server sends, on the calling thread, until the server ends the
  // watch (success), the connection fails or is silent, the callback says kStop (success), or `stop` is
  // requested (kCancelled). A line longer than 8 MiB ends it with kInternal. A last line without its line
  // feed is dropped.
  Status Watch(const ResourceType& type, const WatchOptions& options,
               const std::function<StreamControl(std::string_view line)>& on_line, std::stop_token stop);

 private:
  Result<Json> Exchange(HttpRequest request, std::string_view what, std::stop_token stop);

  HttpTransport& transport_;
  std::string field_manager_;
  std::optional<std::chrono::milliseconds> time_limit_;
};

}  // namespace fumehood::kube
