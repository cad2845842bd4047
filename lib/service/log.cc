#include "lib/service/log.h"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <cctype>

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

void Write(spdlog::logger& logger, spdlog::level::level_enum level, std::string_view text, Log::Fields fields) {
  if (logger.should_log(level)) logger.log(level, "{}", FormatLogLine(text, fields));
}

}  // namespace

Result<LogLevel> ParseLogLevel(std::string_view text) {
  if (text == "debug") return LogLevel::kDebug;
  if (text == "info") return LogLevel::kInfo;
  if (text == "warning") return LogLevel::kWarning;
  if (text == "error") return LogLevel::kError;
  return Fail(ErrorCode::kInvalid, "\"{}\" is not a log level: use debug, info, warning or error", text);
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

Log::Log(LogLevel level)
    : logger_(std::make_shared<spdlog::logger>("fumehood", std::make_shared<spdlog::sinks::stderr_sink_mt>())) {
  logger_->set_pattern("%Y-%m-%dT%H:%M:%S.%eZ %l %v", spdlog::pattern_time_type::utc);
  logger_->set_level(ToSpdlog(level));
  logger_->flush_on(spdlog::level::debug);
}

void Log::Debug(std::string_view text, Fields fields) const { Write(*logger_, spdlog::level::debug, text, fields); }
void Log::Info(std::string_view text, Fields fields) const { Write(*logger_, spdlog::level::info, text, fields); }
void Log::Warning(std::string_view text, Fields fields) const { Write(*logger_, spdlog::level::warn, text, fields); }
void Log::Error(std::string_view text, Fields fields) const { Write(*logger_, spdlog::level::err, text, fields); }
void Log::Flush() const { logger_->flush(); }

}  // namespace fumehood::service
