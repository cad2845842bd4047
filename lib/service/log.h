#pragma once

#include <fmt/format.h>

#include <cmath>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>

#include "lib/base/result.h"

namespace spdlog {
class logger;
}

namespace fumehood::service {

enum class LogLevel { kDebug, kInfo, kWarning, kError };

// kInvalid for anything but "debug", "info", "warning", "error".
Result<LogLevel> ParseLogLevel(std::string_view text);

enum class LogFormat {
  kText,  // 2026-11-24T03:30:00.123Z info command bound uid=… attempt=1
  kJson,  // {"time":"2026-11-24T03:30:00.123Z","level":"info","component":"…","msg":"command
          // bound","uid":"…","attempt":1}
};

// kInvalid for anything but "text", "json".
Result<LogFormat> ParseLogFormat(std::string_view text);

// One detail of a log line.
struct LogField {
  // How JSON writes the value: a literal is one as it stands.
  enum class Kind { kText, kLiteral };

  std::string_view key;
  std::string value;
  Kind kind = Kind::kText;
};

// `key` is a constant, and none of "time", "level", "component" and "msg".
template <typename T>
LogField kv(std::string_view key, const T& value) {
  LogField::Kind kind = LogField::Kind::kText;
  if constexpr (std::is_floating_point_v<T>) {
    if (std::isfinite(value)) kind = LogField::Kind::kLiteral;  // JSON knows no infinity
  } else if constexpr (std::is_integral_v<T> && !std::is_same_v<T, char>) {
    kind = LogField::Kind::kLiteral;
  }
  return {key, fmt::format("{}", value), kind};
}

// Lines on standard error: a constant text, and the details by key. Nobody can forge a line or a key by what a value
// has in it: as text, values that aren't plain words are quoted, with control characters escaped; as JSON, each is a
// string, with U+FFFD for what isn't UTF-8, or a number or boolean where it was given as one. Safe to call from several
// threads.
//   log.Info("command finished", {kv("command", name), kv("ending", "timed out")});
class Log {
 public:
  using Fields = std::initializer_list<LogField>;

  // `component`: which program speaks. Lines of text don't have it.
  explicit Log(LogLevel level, LogFormat format = LogFormat::kText, std::string_view component = "");

  void Debug(std::string_view text, Fields fields = {}) const;
  void Info(std::string_view text, Fields fields = {}) const;
  void Warning(std::string_view text, Fields fields = {}) const;
  void Error(std::string_view text, Fields fields = {}) const;
  void Flush() const;

 private:
  const LogFormat format_;
  std::shared_ptr<spdlog::logger> logger_;  // spdlog hands out its loggers shared
};

// "text key=value …", the line without time and level.
std::string FormatLogLine(std::string_view text, Log::Fields fields);

// "msg":"text","key":value,… — the members of the line's object that come after time, level and component.
std::string FormatJsonMembers(std::string_view text, Log::Fields fields);

}  // namespace fumehood::service
