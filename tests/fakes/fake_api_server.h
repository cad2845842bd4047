#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/kube/client.h"
#include "lib/kube/transport.h"

namespace fumehood::kube {

// A small API server in memory: objects by their path, with uids, resourceVersions, updates under an
// optimistic lock, merge and JSON patches and preconditions, and with the rule that a status with a completionTime
// never changes. Lists and watches are not served. It answers at once and so doesn't look at stop tokens. Safe to use
// from several threads.
class FakeApiServer final : public HttpTransport {
 public:
  // Puts the object there as if somebody else had written it, in place of one of its name, and returns it with its new
  // resourceVersion. It keeps its uid, or gets one where it has none.
  Json Put(const ResourceType& type, Json object);
  void Erase(const ResourceType& type, const ObjectName& name);
  std::optional<Json> Find(const ResourceType& type, const ObjectName& name) const;
  // Those of one namespace, in order of their names.
  std::vector<Json> All(const ResourceType& type, const std::string& ns) const;

  // Refuses the next `times` requests of whatever kind with this HTTP status.
  void RefuseNext(int times, int status);
  // Carries out the next `times` writes, but their answers are lost.
  void LoseNextAnswers(int times);
  // Refuses bodies that are longer with 413.
  void LimitBodies(size_t max_bytes);
  // What somebody else does just before the next write arrives; it may use this server.
  void BeforeNextWrite(std::function<void()> action);

  int request_count() const;
  // Waits until `holds`, which is asked after every request; false when it doesn't within ten seconds.
  // `holds` may use this server.
  bool WaitUntil(const std::function<bool()>& holds) const;

  Result<HttpResponse> Send(const HttpRequest& request, std::stop_token stop) override;
  Result<HttpResponse> Stream(const HttpRequest& request, const ChunkSink& sink, std::stop_token stop) override;

 private:
  HttpResponse AnswerLocked(const HttpRequest& request);
  HttpResponse CreateLocked(const std::string& collection, const std::string& body);
  HttpResponse UpdateLocked(const std::string& path, const std::string& body);
  HttpResponse PatchLocked(std::string path, const HttpRequest& request);
  HttpResponse DeleteLocked(const std::string& path, const std::string& body);
  const Json& StoreLocked(const std::string& path, Json object);

  mutable std::mutex mutex_;  // guards what follows
  mutable std::condition_variable answered_;
  std::map<std::string, Json> objects_;  // by path
  std::function<void()> before_next_write_;
  size_t max_body_bytes_ = 3 << 20;
  int refusals_ = 0;
  int refusal_status_ = 0;
  int lost_answers_ = 0;
  int last_version_ = 0;
  int requests_ = 0;
};

}  // namespace fumehood::kube
