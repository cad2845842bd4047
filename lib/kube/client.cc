#include "lib/kube/client.h"

#include <utility>

#include "lib/base/json_fields.h"
#include "lib/kube/api_error.h"
#include "lib/kube/line_decoder.h"
#include "lib/kube/parse_json.h"
#include "lib/kube/request_target.h"

namespace fumehood::kube {
namespace {

using namespace std::chrono_literals;

// Half of the time after which a leader gives up: a renewal can be tried again.
constexpr auto kLeaseTimeout = 5s;
constexpr auto kWriteTimeout = 10s;
constexpr auto kReadTimeout = 30s;
constexpr auto kListTimeout = 60s;
// etcd holds 1.5 MiB at most, which JSON's escapes make up to six times as long only in theory.
constexpr size_t kMaxLineBytes = 8 << 20;

constexpr std::string_view kTableType = "application/json;as=Table;v=v1;g=meta.k8s.io";

// "sandboxcommands.fumehood.dev", as kubectl prints it.
std::string NameOf(const ResourceType& type) {
  return type.group.empty() ? type.plural : type.plural + "." + type.group;
}

// For messages: get sandboxcommands.fumehood.dev "team-a/unit-tests".
std::string Describe(std::string_view verb, const ResourceType& type, const ObjectName& name) {
  return fmt::format("{} {} \"{}{}{}\"", verb, NameOf(type), name.ns, name.ns.empty() ? "" : "/", name.name);
}

std::string DescribeAll(std::string_view verb, const ResourceType& type, std::string_view ns) {
  if (ns.empty()) return fmt::format("{} {}", verb, NameOf(type));
  return fmt::format("{} {} in namespace \"{}\"", verb, NameOf(type), ns);
}

TrafficClass TrafficOf(const ResourceType& type, TrafficClass otherwise) {
  if (type.group == "coordination.k8s.io" && type.plural == "leases") return TrafficClass::kLease;
  if (type.plural == "events" && (type.group.empty() || type.group == "events.k8s.io")) return TrafficClass::kEvent;
  return otherwise;
}

// Dots pass PercentEncode, and a proxy may resolve them.
bool CanBeSegment(std::string_view name) { return !name.empty() && name != "." && name != ".."; }

// The collection that `ns` and `type` name; an empty namespace means all.
Result<std::string> CollectionPath(const ResourceType& type, std::string_view ns) {
  if (!CanBeSegment(type.version) || !CanBeSegment(type.plural)) {
    return Fail(ErrorCode::kInvalid, "a resource type needs a version and a plural name");
  }
  std::string path = type.group.empty() ? "/api/" : fmt::format("/apis/{}/", PercentEncode(type.group));
  path += PercentEncode(type.version);
  if (type.scope == Scope::kCluster && !ns.empty()) {
    return Fail(ErrorCode::kInvalid, "{} have no namespace, but \"{}\" is given", NameOf(type), ns);
  }
  if (!ns.empty()) {
    if (!CanBeSegment(ns)) return Fail(ErrorCode::kInvalid, "\"{}\" is not a namespace", ns);
    path += "/namespaces/" + PercentEncode(ns);
  }
  return path + "/" + PercentEncode(type.plural);
}

Result<std::string> ObjectPath(const ResourceType& type, const ObjectName& name) {
  Result<std::string> path = CollectionPath(type, name.ns);
  if (!path.has_value()) return path;
  // Without a name it would be the whole collection's path.
  if (!CanBeSegment(name.name)) return Fail(ErrorCode::kInvalid, "\"{}\" is not the name of an object", name.name);
  if (type.scope == Scope::kNamespaced && name.ns.empty()) return Fail(ErrorCode::kInvalid, "the namespace is missing");
  return *path + "/" + PercentEncode(name.name);
}

// Builds "?a=b&c=d".
class Query {
 public:
  Query& Add(std::string_view key, std::string_view value) {
    text_ += fmt::format("{}{}={}", text_.empty() ? '?' : '&', key, PercentEncode(value));
    return *this;
  }
  Query& AddUnlessEmpty(std::string_view key, std::string_view value) {
    return value.empty() ? *this : Add(key, value);
  }
  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

// The answer's object, or the Error that the server or the transport gave.
Result<Json> ReadAnswer(const Result<HttpResponse>& answer, RequestEffect effect, std::string_view what) {
  if (!answer.has_value()) return Wrap(answer.error(), what);
  if (answer->status < 200 || answer->status >= 300) return std::unexpected(ErrorFromAnswer(*answer, effect, what));
  Result<Json> object = ParseJson(answer->body);
  if (!object.has_value()) return Wrap(object.error(), what);
  if (!object->is_object()) return Fail(ErrorCode::kInternal, "{}: the answer is not an object", what);
  return object;
}

// Calls `take` with each page of a list, to the end.
Status ForEachPage(HttpTransport& transport, const ResourceType& type, const ListOptions& options,
                   std::string_view accept, const std::stop_token& stop, const std::function<Status(Json page)>& take) {
  const std::string what = DescribeAll("list", type, options.ns);
  const Result<std::string> path = CollectionPath(type, options.ns);
  if (!path.has_value()) return Wrap(path.error(), what);
  std::string next;
  do {
    Query query;
    if (accept == kTableType) query.Add("includeObject", "Metadata");
    query.AddUnlessEmpty("fieldSelector", options.field_selector)
        .AddUnlessEmpty("labelSelector", options.label_selector);
    if (options.page_size > 0) query.Add("limit", std::to_string(options.page_size));
    if (!next.empty()) {
      query.Add("continue", next);  // which has the version in it
    } else if (!options.resource_version.empty()) {
      query.Add("resourceVersion", options.resource_version).Add("resourceVersionMatch", "NotOlderThan");
    }
    const HttpRequest request{.traffic = TrafficOf(type, TrafficClass::kRead),
                              .target = *path + query.text(),
                              .accept = std::string(accept),
                              .timeout = kListTimeout};
    Result<Json> page = ReadAnswer(transport.Send(request, stop), RequestEffect::kRead, what);
    if (!page.has_value()) return Forward(std::move(page));
    next = StringAt(FieldAt(*page, "metadata"), "continue");
    if (Status taken = take(*std::move(page)); !taken.has_value()) return Wrap(taken.error(), what);
  } while (!next.empty());
  return {};
}

Status TakeTablePage(const Json& page, Table& table) {
  if (StringAt(page, "kind") != "Table") return Fail(ErrorCode::kInternal, "the answer is not a Table");
  if (table.columns.empty()) {
    for (const Json& column : FieldAt(page, "columnDefinitions")) table.columns.push_back(StringAt(column, "name"));
  }
  for (const Json& row : FieldAt(page, "rows")) {
    const Json& metadata = FieldAt(FieldAt(row, "object"), "metadata");
    const Json& cells = FieldAt(row, "cells");
    Table::Row read{.name = {StringAt(metadata, "namespace"), StringAt(metadata, "name")},
                    .uid = StringAt(metadata, "uid"),
                    .resource_version = StringAt(metadata, "resourceVersion"),
                    .cells = {cells.begin(), cells.end()}};
    if (read.name.name.empty()) return Fail(ErrorCode::kInternal, "a row of the Table names no object");
    table.rows.push_back(std::move(read));
  }
  return {};
}

HttpRequest WriteRequest(HttpMethod method, const ResourceType& type, std::string target, std::string body) {
  const TrafficClass traffic = TrafficOf(type, TrafficClass::kWrite);
  return {.method = method,
          .traffic = traffic,
          .target = std::move(target),
          .body = std::move(body),
          .timeout = traffic == TrafficClass::kLease ? kLeaseTimeout : kWriteTimeout};
}

std::string_view ContentTypeOf(PatchKind kind) {
  switch (kind) {
    case PatchKind::kMerge: return "application/merge-patch+json";
    case PatchKind::kJson: return "application/json-patch+json";
  }
  return "";
}

}  // namespace

Client::Client(HttpTransport& transport, std::string field_manager)
    : transport_(transport), field_manager_(std::move(field_manager)) {}

Client Client::WithTimeLimit(std::chrono::milliseconds limit) const {
  Client limited = *this;
  limited.time_limit_ = limit;
  return limited;
}

// A request about one object, and its answer.
Result<Json> Client::Exchange(HttpRequest request, std::string_view what, std::stop_token stop) {
  if (time_limit_) request.timeout = *time_limit_;
  const RequestEffect effect = request.method == HttpMethod::kGet ? RequestEffect::kRead : RequestEffect::kWrite;
  return ReadAnswer(transport_.Send(request, std::move(stop)), effect, what);
}

Result<Json> Client::Get(const ResourceType& type, const ObjectName& name, std::stop_token stop) {
  const std::string what = Describe("get", type, name);
  Result<std::string> path = ObjectPath(type, name);
  if (!path.has_value()) return Wrap(path.error(), what);
  const TrafficClass traffic = TrafficOf(type, TrafficClass::kRead);
  return Exchange({.traffic = traffic,
                   .target = *std::move(path),
                   .timeout = traffic == TrafficClass::kLease ? kLeaseTimeout : kReadTimeout},
                  what, std::move(stop));
}

Result<ObjectList> Client::List(const ResourceType& type, const ListOptions& options, std::stop_token stop) {
  ObjectList list;
  Status read = ForEachPage(transport_, type, options, "application/json", stop, [&](Json page) -> Status {
    list.resource_version = StringAt(FieldAt(page, "metadata"), "resourceVersion");
    const auto items = page.find("items");
    if (list.resource_version.empty() || items == page.end())
      return Fail(ErrorCode::kInternal, "the answer is not a list");
    if (items->is_null()) return {};  // how some servers write an empty one
    if (!items->is_array()) return Fail(ErrorCode::kInternal, "the answer's items are not a list");
    for (Json& item : *items) {
      if (!item.is_object()) return Fail(ErrorCode::kInternal, "an item of the list is not an object");
      list.items.push_back(std::move(item));
    }
    return {};
  });
  if (!read.has_value()) return Forward(std::move(read));
  return list;
}

Result<Table> Client::ListAsTable(const ResourceType& type, const ListOptions& options, std::stop_token stop) {
  Table table;
  Status read = ForEachPage(transport_, type, options, kTableType, stop,
                            [&](const Json& page) { return TakeTablePage(page, table); });
  if (!read.has_value()) return Forward(std::move(read));
  return table;
}

Result<Json> Client::Create(const ResourceType& type, const std::string& ns, const Json& object, std::stop_token stop) {
  const std::string what = Describe("create", type, {ns, StringAt(FieldAt(object, "metadata"), "name")});
  const Result<std::string> path = CollectionPath(type, ns);
  if (!path.has_value()) return Wrap(path.error(), what);
  if (type.scope == Scope::kNamespaced && ns.empty()) {
    return Fail(ErrorCode::kInvalid, "{}: the namespace is missing", what);
  }
  Result<std::string> body = DumpJson(object);
  if (!body.has_value()) return Wrap(body.error(), what);
  const std::string target = *path + Query().Add("fieldManager", field_manager_).text();
  return Exchange(WriteRequest(HttpMethod::kPost, type, target, *std::move(body)), what, std::move(stop));
}

Result<Json> Client::Update(const ResourceType& type, const ObjectName& name, const Json& object,
                            std::stop_token stop) {
  const std::string what = Describe("update", type, name);
  const Result<std::string> path = ObjectPath(type, name);
  if (!path.has_value()) return Wrap(path.error(), what);
  Result<std::string> body = DumpJson(object);
  if (!body.has_value()) return Wrap(body.error(), what);
  const std::string target = *path + Query().Add("fieldManager", field_manager_).text();
  return Exchange(WriteRequest(HttpMethod::kPut, type, target, *std::move(body)), what, std::move(stop));
}

Result<Json> Client::Patch(const ResourceType& type, const ObjectName& name, PatchKind kind, const Json& patch,
                           std::string_view subresource, std::stop_token stop) {
  std::string what = Describe("patch", type, name);
  if (!subresource.empty()) what += fmt::format(" {}", subresource);
  Result<std::string> path = ObjectPath(type, name);
  if (!path.has_value()) return Wrap(path.error(), what);
  if (!subresource.empty()) *path += "/" + PercentEncode(subresource);
  Result<std::string> body = DumpJson(patch);
  if (!body.has_value()) return Wrap(body.error(), what);
  const std::string target = *path + Query().Add("fieldManager", field_manager_).text();
  HttpRequest request = WriteRequest(HttpMethod::kPatch, type, target, *std::move(body));
  request.content_type = ContentTypeOf(kind);
  return Exchange(std::move(request), what, std::move(stop));
}

Status Client::Delete(const ResourceType& type, const ObjectName& name, const Preconditions& only_if,
                      std::stop_token stop) {
  const std::string what = Describe("delete", type, name);
  Result<std::string> path = ObjectPath(type, name);
  if (!path.has_value()) return Wrap(path.error(), what);
  Json options = {{"apiVersion", "v1"}, {"kind", "DeleteOptions"}};
  if (!only_if.uid.empty()) options["preconditions"]["uid"] = only_if.uid;
  if (!only_if.resource_version.empty()) options["preconditions"]["resourceVersion"] = only_if.resource_version;
  Result<std::string> body = DumpJson(options);
  if (!body.has_value()) return Wrap(body.error(), what);
  Result<Json> answer =
      Exchange(WriteRequest(HttpMethod::kDelete, type, *std::move(path), *std::move(body)), what, std::move(stop));
  if (!answer.has_value()) return Forward(std::move(answer));
  return {};
}

Status Client::Watch(const ResourceType& type, const WatchOptions& options,
                     const std::function<StreamControl(std::string_view line)>& on_line, std::stop_token stop) {
  const std::string what = DescribeAll("watch", type, options.ns);
  const Result<std::string> path = CollectionPath(type, options.ns);
  if (!path.has_value()) return Wrap(path.error(), what);
  Query query;
  query.Add("watch", "1").Add("allowWatchBookmarks", "true");
  query.Add("timeoutSeconds", std::to_string(options.server_timeout.count()));
  query.AddUnlessEmpty("fieldSelector", options.field_selector).AddUnlessEmpty("labelSelector", options.label_selector);
  query.AddUnlessEmpty("resourceVersion", options.resource_version);
  if (options.send_initial_events) {
    query.Add("sendInitialEvents", "true").Add("resourceVersionMatch", "NotOlderThan");
  }
  const HttpRequest request{
      .traffic = TrafficClass::kWatch, .target = *path + query.text(), .timeout = options.idle_limit};

  LineDecoder decoder(kMaxLineBytes);
  Status decoded;
  bool open = false;
  const auto sink = [&](std::string_view chunk) {
    if (!std::exchange(open, true)) options.on_open();
    Result<StreamControl> control = decoder.Feed(chunk, on_line);
    if (control.has_value()) return *control;
    decoded = Forward(std::move(control));
    return StreamControl::kStop;
  };
  const Result<HttpResponse> answer = transport_.Stream(request, sink, stop);
  if (!answer.has_value()) return Wrap(answer.error(), what);
  if (answer->status < 200 || answer->status >= 300) {
    return std::unexpected(ErrorFromAnswer(*answer, RequestEffect::kRead, what));
  }
  if (!decoded.has_value()) return Wrap(decoded.error(), what);
  return {};
}

}  // namespace fumehood::kube
