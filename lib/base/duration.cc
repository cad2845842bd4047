#include "lib/base/duration.h"

#include <array>
#include <charconv>
#include <cmath>

namespace fumehood {
namespace {

using std::chrono::milliseconds;

struct Unit {
  std::string_view name;
  double millis;
};
constexpr std::array kUnits = {Unit{"ms", 1}, Unit{"s", 1e3}, Unit{"m", 60e3}, Unit{"h", 3'600e3}};
constexpr double kMaxMillis = 366.0 * 24 * 3'600e3;

}  // namespace

Result<milliseconds> ParseDuration(std::string_view text) {
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, std::chars_format::fixed);
  if (error == std::errc()) {
    const std::string_view name(end, text.data() + text.size());
    for (const Unit& unit : kUnits) {
      const double millis = number * unit.millis;
      if (name == unit.name && millis >= 1 && millis <= kMaxMillis) {
        return milliseconds(std::llround(millis));
      }
    }
  }
  return Fail(ErrorCode::kInvalid,
              "\"{}\" is not a duration: use a positive number and a unit, such as 500ms, 40s or 2m", text);
}

std::string FormatDuration(milliseconds duration) {
  if (duration.count() % 1'000 != 0) return fmt::format("{}ms", duration.count());
  return fmt::format("{}s", duration.count() / 1'000);
}

}  // namespace fumehood
