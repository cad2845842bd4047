#include "lib/base/time.h"

#include <time.h>

#include <charconv>
#include <cstdint>
#include <optional>

namespace fumehood {
namespace {

using std::chrono::duration_cast;
using std::chrono::floor;

// Takes `digits` decimal digits from the front of `text`; nothing where there are fewer.
std::optional<int> TakeDigits(std::string_view& text, size_t digits) {
  if (text.size() < digits) return std::nullopt;
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + digits, value);
  if (error != std::errc() || end != text.data() + digits || value < 0) return std::nullopt;
  text.remove_prefix(digits);
  return value;
}

bool TakeChar(std::string_view& text, char expected) {
  if (text.empty() || text.front() != expected) return false;
  text.remove_prefix(1);
  return true;
}

// The fraction after the '.', in microseconds; further digits are dropped.
std::optional<std::chrono::microseconds> TakeFraction(std::string_view& text) {
  int64_t micros = 0;
  size_t digits = 0;
  while (!text.empty() && text.front() >= '0' && text.front() <= '9') {
    if (digits < 6) micros = micros * 10 + (text.front() - '0');
    ++digits;
    text.remove_prefix(1);
  }
  if (digits == 0) return std::nullopt;
  for (size_t i = digits; i < 6; ++i) micros *= 10;
  return std::chrono::microseconds(micros);
}

std::optional<std::chrono::minutes> TakeOffset(std::string_view& text) {
  if (TakeChar(text, 'Z') || TakeChar(text, 'z')) return std::chrono::minutes(0);
  const bool east = TakeChar(text, '+');
  if (!east && !TakeChar(text, '-')) return std::nullopt;
  const auto hours = TakeDigits(text, 2);
  if (!hours || !TakeChar(text, ':')) return std::nullopt;
  const auto minutes = TakeDigits(text, 2);
  if (!minutes) return std::nullopt;
  const auto offset = std::chrono::minutes(*hours * 60 + *minutes);
  return east ? offset : -offset;
}

std::optional<WallTime> Parse(std::string_view text) {
  const auto year = TakeDigits(text, 4);
  if (!year || !TakeChar(text, '-')) return std::nullopt;
  const auto month = TakeDigits(text, 2);
  if (!month || !TakeChar(text, '-')) return std::nullopt;
  const auto day = TakeDigits(text, 2);
  if (!day || !(TakeChar(text, 'T') || TakeChar(text, 't'))) return std::nullopt;
  const auto hour = TakeDigits(text, 2);
  if (!hour || !TakeChar(text, ':')) return std::nullopt;
  const auto minute = TakeDigits(text, 2);
  if (!minute || !TakeChar(text, ':')) return std::nullopt;
  const auto second = TakeDigits(text, 2);
  if (!second) return std::nullopt;
  auto fraction = std::optional(std::chrono::microseconds(0));
  if (TakeChar(text, '.')) fraction = TakeFraction(text);
  if (!fraction) return std::nullopt;
  const auto offset = TakeOffset(text);
  if (!offset || !text.empty()) return std::nullopt;

  const auto date = std::chrono::year(*year) / *month / *day;
  if (!date.ok() || *hour > 23 || *minute > 59 || *second > 60) return std::nullopt;
  return std::chrono::sys_days(date) + std::chrono::hours(*hour) + std::chrono::minutes(*minute) +
         std::chrono::seconds(*second) + *fraction - *offset;
}

std::string FormatDateAndTime(std::chrono::sys_seconds time) {
  const auto day = floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(time - day);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()), clock.hours().count(),
                     clock.minutes().count(), clock.seconds().count());
}

}  // namespace

std::string FormatTime(WallTime time) { return FormatDateAndTime(floor<std::chrono::seconds>(time)) + "Z"; }

SteadyTime BootTimeClock::SteadyNow() const {
  timespec now{};
  clock_gettime(CLOCK_BOOTTIME, &now);  // cannot fail: every Linux since 2.6.39 has this clock
  return SteadyTime(std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec));
}

std::string FormatMicroTime(WallTime time) {
  const auto seconds = floor<std::chrono::seconds>(time);
  const auto micros = duration_cast<std::chrono::microseconds>(time - seconds);
  return fmt::format("{}.{:06}Z", FormatDateAndTime(seconds), micros.count());
}

Result<WallTime> ParseTime(std::string_view text) {
  if (const auto time = Parse(text)) return *time;
  return Fail(ErrorCode::kInvalid, "\"{}\" is not a time of the form 2026-01-31T23:59:59Z", text);
}

}  // namespace fumehood
