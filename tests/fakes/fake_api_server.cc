#include "tests/fakes/fake_api_server.h"

#include <fmt/format.h>

#include <utility>

namespace fumehood::kube {
namespace {

std::string CollectionPath(const ResourceType& type, const std::string& ns) {
  std::string path = type.group.empty() ? "/api/" : fmt::format("/apis/{}/", type.group);
  path += type.version;
  if (!ns.empty()) path += "/namespaces/" + ns;
  return path + "/" + type.plural;
}

std::string ObjectPath(const ResourceType& type, const ObjectName& name) {
  return CollectionPath(type, name.ns) + "/" + name.name;
}

HttpResponse Accept(int status, const Json& object) { return {status, object.dump(), {}}; }

HttpResponse Refuse(int status, std::string_view reason, std::string_view message) {
  const Json body = {
      {"kind", "Status"}, {"status", "Failure"}, {"code", status}, {"reason", reason}, {"message", message}};
  return {status, body.dump(), {}};
}

std::string TextAt(const Json& object, const char* pointer) {
  return object.value(Json::json_pointer(pointer), std::string());
}

bool IsFinished(const Json& object) { return object.contains(Json::json_pointer("/status/completionTime")); }

}  // namespace

Json FakeApiServer::Put(const ResourceType& type, Json object) {
  const std::string ns = TextAt(object, "/metadata/namespace");
  const std::string path = ObjectPath(type, {ns, object.at("metadata").at("name").get<std::string>()});
  std::lock_guard lock(mutex_);
  return StoreLocked(path, std::move(object));
}

void FakeApiServer::Erase(const ResourceType& type, const ObjectName& name) {
  std::lock_guard lock(mutex_);
  objects_.erase(ObjectPath(type, name));
}

std::optional<Json> FakeApiServer::Find(const ResourceType& type, const ObjectName& name) const {
  std::lock_guard lock(mutex_);
  const auto found = objects_.find(ObjectPath(type, name));
  return found == objects_.end() ? std::nullopt : std::optional(found->second);
}

std::vector<Json> FakeApiServer::All(const ResourceType& type, const std::string& ns) const {
  const std::string prefix = CollectionPath(type, ns) + "/";
  std::lock_guard lock(mutex_);
  std::vector<Json> all;
  for (const auto& [path, object] : objects_) {
    if (path.starts_with(prefix)) all.push_back(object);
  }
  return all;
}

void FakeApiServer::RefuseNext(int times, int status) {
  std::lock_guard lock(mutex_);
  refusals_ = times;
  refusal_status_ = status;
}

void FakeApiServer::LoseNextAnswers(int times) {
  std::lock_guard lock(mutex_);
  lost_answers_ = times;
}

void FakeApiServer::LimitBodies(size_t max_bytes) {
  std::lock_guard lock(mutex_);
  max_body_bytes_ = max_bytes;
}

void FakeApiServer::BeforeNextWrite(std::function<void()> action) {
  std::lock_guard lock(mutex_);
  before_next_write_ = std::move(action);
}

int FakeApiServer::request_count() const {
  std::lock_guard lock(mutex_);
  return requests_;
}

bool FakeApiServer::WaitUntil(const std::function<bool()>& holds) const {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (true) {
    const int seen = request_count();
    if (holds()) return true;
    std::unique_lock lock(mutex_);
    if (!answered_.wait_until(lock, deadline, [&] { return requests_ != seen; })) return false;
  }
}

Result<HttpResponse> FakeApiServer::Send(const HttpRequest& request, std::stop_token) {
  std::function<void()> before;
  if (request.method != HttpMethod::kGet) {
    std::lock_guard lock(mutex_);
    before = std::exchange(before_next_write_, nullptr);
  }
  if (before) before();
  std::lock_guard lock(mutex_);
  HttpResponse answer = AnswerLocked(request);
  ++requests_;
  answered_.notify_all();
  if (request.method != HttpMethod::kGet && lost_answers_ > 0) {
    --lost_answers_;
    return Fail(ErrorCode::kOutcomeUnknown, "{}: the test lost the answer", request.target);
  }
  return answer;
}

Result<HttpResponse> FakeApiServer::Stream(const HttpRequest& request, const ChunkSink&, std::stop_token) {
  return Fail(ErrorCode::kInternal, "{}: this server serves no watches", request.target);
}

HttpResponse FakeApiServer::AnswerLocked(const HttpRequest& request) {
  if (refusals_ > 0) {
    --refusals_;
    return Refuse(refusal_status_, "", "refused by the test");
  }
  if (request.body.size() > max_body_bytes_) return Refuse(413, "RequestEntityTooLarge", "request is too large");
  const std::string path = request.target.substr(0, request.target.find('?'));
  switch (request.method) {
    case HttpMethod::kGet: {
      const auto found = objects_.find(path);
      return found == objects_.end() ? Refuse(404, "NotFound", "not found") : Accept(200, found->second);
    }
    case HttpMethod::kPost: return CreateLocked(path, request.body);
    case HttpMethod::kPatch: return PatchLocked(path, request);
    case HttpMethod::kDelete: return DeleteLocked(path, request.body);
    case HttpMethod::kPut: return UpdateLocked(path, request.body);
  }
  return Refuse(405, "MethodNotAllowed", "not served here");
}

HttpResponse FakeApiServer::CreateLocked(const std::string& collection, const std::string& body) {
  Json object = Json::parse(body);
  const std::string path = collection + "/" + object.at("metadata").at("name").get<std::string>();
  if (objects_.contains(path)) return Refuse(409, "AlreadyExists", "already exists");
  return Accept(201, StoreLocked(path, std::move(object)));
}

HttpResponse FakeApiServer::UpdateLocked(const std::string& path, const std::string& body) {
  const auto found = objects_.find(path);
  if (found == objects_.end()) return Refuse(404, "NotFound", "not found");
  Json object = Json::parse(body);
  for (const char* const field : {"/metadata/uid", "/metadata/resourceVersion"}) {
    if (TextAt(object, field) != TextAt(found->second, field)) {
      return Refuse(409, "Conflict", "the object has been modified");
    }
  }
  // As the real one: what changes nothing is no new version.
  if (object == found->second) return Accept(200, object);
  return Accept(200, StoreLocked(path, std::move(object)));
}

HttpResponse FakeApiServer::PatchLocked(std::string path, const HttpRequest& request) {
  constexpr std::string_view kStatus = "/status";
  const bool only_status = path.ends_with(kStatus);
  if (only_status) path.resize(path.size() - kStatus.size());
  const auto found = objects_.find(path);
  if (found == objects_.end()) return Refuse(404, "NotFound", "not found");
  const Json& before = found->second;

  const Json patch = Json::parse(request.body);
  Json after = before;
  if (request.content_type == "application/json-patch+json") {
    try {
      after = before.patch(patch);
    } catch (const Json::exception& refused) {
      return Refuse(422, "Invalid", refused.what());
    }
  } else {
    // As the real one: a merge patch of the status is fenced by the version, and its uid is not looked at.
    const std::string version = TextAt(patch, "/metadata/resourceVersion");
    if (!version.empty() && version != TextAt(before, "/metadata/resourceVersion")) {
      return Refuse(409, "Conflict", "the object has been modified");
    }
    after.merge_patch(patch);
  }
  if (only_status) {
    Json status = after.value("status", Json::object());
    after = before;
    after["status"] = std::move(status);
  }
  if (IsFinished(before) && after["status"] != before.at("status")) {
    return Refuse(422, "Invalid", "the status of a finished command never changes");
  }
  return Accept(200, StoreLocked(path, std::move(after)));
}

HttpResponse FakeApiServer::DeleteLocked(const std::string& path, const std::string& body) {
  const auto found = objects_.find(path);
  if (found == objects_.end()) return Refuse(404, "NotFound", "not found");
  const Json options = Json::parse(body);
  for (const char* const field : {"uid", "resourceVersion"}) {
    const std::string wanted = TextAt(options, fmt::format("/preconditions/{}", field).c_str());
    if (!wanted.empty() && wanted != TextAt(found->second, fmt::format("/metadata/{}", field).c_str())) {
      return Refuse(409, "Conflict", fmt::format("the precondition on {} does not hold", field));
    }
  }
  objects_.erase(found);
  return Accept(200, {{"kind", "Status"}, {"status", "Success"}});
}

const Json& FakeApiServer::StoreLocked(const std::string& path, Json object) {
  ++last_version_;
  Json& metadata = object["metadata"];
  metadata["resourceVersion"] = std::to_string(last_version_);
  if (!metadata.contains("uid")) metadata["uid"] = fmt::format("made-{}", last_version_);
  return objects_[path] = std::move(object);
}

}  // namespace fumehood::kube
