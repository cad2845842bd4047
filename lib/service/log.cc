#include "lib/service/log.h"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <cctype>
#include <nlohmann/json.hpp>

namespace fumehood::service {
namespace {

bool IsPlain(std::string_view value) {
  return !value.empty() && std::ranges::all_of(value, [](unsigned char c) {
    return std::isalnum(c) != 0 || std::string_view("-_./:@+%,").find(static_cast<char>(c)) != std::string_view::npos;
  });
}

void AppendQuoted(std::string& line, std::string_view value) {
  line += '"';
  for (const char c : value) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      line += '\\';
      line += c;
    } else if (c == '\n') {
      line += "\\n";
    } else if (byte < 0x20 || byte == 0x7F) {
      line += fmt::format("\\x{:02x}", byte);
    } else {
      line += c;
    }
  }
  line += '"';
}

spdlog::level::level_enum ToSpdlog(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug: return spdlog::level::debug;
    case LogLevel::kInfo: return spdlog::level::info;
    case LogLevel::kWarning: return spdlog::level::warn;
    case LogLevel::kError: break;
  }
  return spdlog::level::err;
}

void Write(spdlog::logger& logger, LogFormat format, spdlog::level::level_enum level, std::string_view text,
           Log::Fields fields) {
  if (!logger.should_log(level)) return;
  logger.log(level, "{}", format == LogFormat::kJson ? FormatJsonMembers(text, fields) : FormatLogLine(text, fields));
}

std::string JsonString(std::string_view text) {
  return nlohmann::json(text).dump(-1, ' ', /*ensure_ascii=*/false, nlohmann::json::error_handler_t::replace);
}

// What spdlog puts around FormatLogLine or FormatJsonMembers.
std::string Pattern(LogFormat format, std::string_view component) {
  constexpr std::string_view kTime = "%Y-%m-%dT%H:%M:%S.%fZ";
  if (format == LogFormat::kText) return fmt::format("{} %l %v", kTime);
  std::string pattern = fmt::format(R"({{"time":"{}","level":"%l",)", kTime);
  if (!component.empty()) pattern += fmt::format(R"("component":{},)", JsonString(component));
  return pattern + "%v}";
}

}  // namespace

Result<LogLevel> ParseLogLevel(std::string_view text) {
  if (text == "debug") return LogLevel::kDebug;
  if (text == "info") return LogLevel::kInfo;
  if (text == "warning") return LogLevel::kWarning;
  if (text == "error") return LogLevel::kError;
  return Fail(ErrorCode::kInvalid, "\"{}\" is not a log level: use debug, info, warning or error", text);
}

Result<LogFormat> ParseLogFormat(std::string_view text) {
  if (text == "text") return LogFormat::kText;
  if (text == "json") return LogFormat::kJson;
  return Fail(ErrorCode::kInvalid, "\"{}\" is not a log format: use text or json", text);
}

std::string FormatLogLine(std::string_view text, Log::Fields fields) {
  std::string line(text);
  for (const LogField& field : fields) {
    line += ' ';
    line += field.key;
    line += '=';
    if (IsPlain(field.value)) {
      line += field.value;
    } else {
      AppendQuoted(line, field.value);
    }
  }
  return line;
}

std::string FormatJsonMembers(std::string_view text, Log::Fields fields) {
  std::string members = "\"msg\":" + JsonString(text);
  for (const LogField& field : fields) {
    members += ',' + JsonString(field.key) + ':';
    members += field.kind == LogField::Kind::kLiteral ? field.value : JsonString(field.value);
  }
  return members;
}

Log::Log(LogLevel level, LogFormat format, std::string_view component)
    : format_(format),
      logger_(std::make_shared<spdlog::logger>("fumehood", std::make_shared<spdlog::sinks::stderr_sink_mt>())) {
  logger_->set_pattern(Pattern(format, component), spdlog::pattern_time_type::utc);
  logger_->set_level(ToSpdlog(level));
  logger_->flush_on(spdlog::level::debug);
}

void Log::Debug(std::string_view text, Fields fields) const {
  Write(*logger_, format_, spdlog::level::debug, text, fields);
}
void Log::Info(std::string_view text, Fields fields) const {
  Write(*logger_, format_, spdlog::level::info, text, fields);
}
void Log::Warning(std::string_view text, Fields fields) const {
  Write(*logger_, format_, spdlog::level::warn, text, fields);
}
void Log::Error(std::string_view text, Fields fields) const {
  Write(*logger_, format_, spdlog::level::err, text, fields);
}
void Log::Flush() const { logger_->flush(); }

}  // namespace fumehood::service
