#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>
#include <utility>

#include "lib/base/read_file.h"
#include "lib/base/result.h"
#include "lib/service/log.h"
#include "lib/service/metrics.h"

namespace fumehood::service {

// A value that is read from a file, and read again when the file has changed. Its content is compared, so it doesn't
// matter how it changes: written in place, replaced, or behind symbolic links as in a mounted ConfigMap. Content that
// can't be used leaves the value as it is, which the log and a metric say. Safe to use from several threads.
template <typename T>
class Reloaded {
 public:
  using Read = std::function<Result<T>(const std::string& content, const std::string& file)>;

  // Reads it for the first time; what can't be used now is an Error. An empty `file` is none: the value is T() for
  // ever. `log` and `metrics` must outlive what is returned.
  static Result<std::unique_ptr<Reloaded>> Open(const std::filesystem::path& file, Read read, const Log& log,
                                                Metrics& metrics) {
    auto reloaded = std::unique_ptr<Reloaded>(new Reloaded(file, std::move(read), log, metrics));
    if (file.empty()) return reloaded;
    auto content = ReadFile(file, kMaxBytes);
    if (!content) return Forward(std::move(content));
    auto value = reloaded->read_(*content, file.native());
    if (!value) return Forward(std::move(value));
    reloaded->value_ = std::make_shared<const T>(*std::move(value));
    reloaded->content_ = *content;
    reloaded->seen_ = *std::move(content);
    return reloaded;
  }

  // Never null.
  std::shared_ptr<const T> Get() const {
    std::lock_guard lock(mutex_);
    return value_;
  }

  // Looks at the file. True when there is a new value. One call at a time.
  bool Refresh() {
    if (file_.empty()) return false;
    auto content = ReadFile(file_, kMaxBytes);
    const std::string seen = content ? *content : content.error().message;
    if (seen == seen_) return false;
    seen_ = seen;
    if (content && seen == content_) {
      successful_.Set(1);
      return false;
    }
    auto value = content ? read_(*content, file_.native()) : Result<T>(Forward(std::move(content)));
    if (!value) {
      successful_.Set(0);
      log_.Error("configuration not taken, the one before stays in force", {kv("error", value.error().message)});
      return false;
    }
    content_ = seen;
    successful_.Set(1);
    log_.Info("configuration taken", {kv("file", file_.native())});
    std::lock_guard lock(mutex_);
    value_ = std::make_shared<const T>(*std::move(value));
    return true;
  }

 private:
  static constexpr size_t kMaxBytes = size_t{1} << 20;

  Reloaded(std::filesystem::path file, Read read, const Log& log, Metrics& metrics)
      : file_(std::move(file)),
        read_(std::move(read)),
        log_(log),
        successful_(metrics.AddGauge("fumehood_config_last_reload_successful",
                                     "1 while the configuration in force is what the file says.")) {
    successful_.Set(1);
  }

  const std::filesystem::path file_;
  const Read read_;
  const Log& log_;
  prometheus::Gauge& successful_;
  std::string content_;  // that the value was read from
  std::string seen_;     // that was looked at last, or why it could not be read

  mutable std::mutex mutex_;  // guards what follows
  std::shared_ptr<const T> value_ = std::make_shared<const T>();
};

}  // namespace fumehood::service
