#pragma once

#include <fmt/format.h>

#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>

#include "lib/base/result.h"

namespace spdlog {
class logger;
}

namespace fumehood::service {

enum class LogLevel { kDebug, kInfo, kWarning, kError };

// kInvalid for anything but "debug", "info", "warning", "error".
Result<LogLevel> ParseLogLevel(std::string_view text);

// One detail of a log line.
struct LogField {
  std::string_view key;
  std::string value;
};

template <typename T>
LogField kv(std::string_view key, const T& value) {
  return {key, fmt::format("{}", value)};
}

// Lines on standard error: a constant text, and the details as key=value. Values that aren't plain words are quoted,
// with control characters escaped, so that nobody can forge a line. Safe to call from several threads.
//   log.Info("command finished", {kv("command", name), kv("ending", "timed out")});
class Log {
 public:
  using Fields = std::initializer_list<LogField>;

  explicit Log(LogLevel level);

  void Debug(std::string_view text, Fields fields = {}) const;
  void Info(std::string_view text, Fields fields = {}) const;
  void Warning(std::string_view text, Fields fields = {}) const;
  void Error(std::string_view text, Fields fields = {}) const;
  void Flush() const;

 private:
  std::shared_ptr<spdlog::logger> logger_;  // spdlog hands out its loggers shared
};

// "text key=value …", the line without time and level.
std::string FormatLogLine(std::string_view text, Log::Fields fields);

}  // namespace fumehood::service
