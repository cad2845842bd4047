#include "lib/api/quantity.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <optional>

namespace fumehood::api {
namespace {

__extension__ using Wide = __int128;

struct Suffix {
  std::string_view name;
  int power_of_two = 0;
  int power_of_ten = 0;
};
constexpr std::array kSuffixes = {
    Suffix{""},        Suffix{"Ki", 10},   Suffix{"Mi", 20},   Suffix{"Gi", 30},   Suffix{"Ti", 40},  Suffix{"Pi", 50},
    Suffix{"Ei", 60},  Suffix{"n", 0, -9}, Suffix{"u", 0, -6}, Suffix{"m", 0, -3}, Suffix{"k", 0, 3}, Suffix{"M", 0, 6},
    Suffix{"G", 0, 9}, Suffix{"T", 0, 12}, Suffix{"P", 0, 15}, Suffix{"E", 0, 18},
};

// So many digits, times the largest binary suffix, still fit into Wide.
constexpr size_t kMaxDigits = 19;
// Larger exponents are beyond every int64_t, or vanish behind the smallest unit.
constexpr int kMaxExponent = 100;

// digits * 2^power_of_two * 10^power_of_ten
struct Number {
  Wide digits = 0;
  int power_of_two = 0;
  int power_of_ten = 0;
};

std::string_view TakeDigits(std::string_view& text) {
  const size_t length = std::min(text.find_first_not_of("0123456789"), text.size());
  const std::string_view digits = text.substr(0, length);
  text.remove_prefix(length);
  return digits;
}

std::optional<Suffix> ParseSuffix(std::string_view text) {
  const auto* known = std::ranges::find(kSuffixes, text, &Suffix::name);
  if (known != kSuffixes.end()) return *known;
  if (!text.starts_with('e') && !text.starts_with('E')) return std::nullopt;
  text.remove_prefix(1);
  if (text.starts_with('+')) {
    text.remove_prefix(1);
    if (text.starts_with('-')) return std::nullopt;
  }
  int exponent = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), exponent);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return Suffix{"", 0, std::clamp(exponent, -kMaxExponent, kMaxExponent)};
}

std::optional<Number> ParseNumber(std::string_view text) {
  const bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) text.remove_prefix(1);
  const std::string_view whole = TakeDigits(text);
  std::string_view fraction;
  if (text.starts_with('.')) {
    text.remove_prefix(1);
    fraction = TakeDigits(text);
  }
  if (whole.empty() && fraction.empty()) return std::nullopt;
  const auto suffix = ParseSuffix(text);
  if (!suffix) return std::nullopt;

  // Zeros at either end carry no value, but would count as digits.
  std::string digits = std::string(whole) + std::string(fraction);
  int power_of_ten = suffix->power_of_ten - static_cast<int>(fraction.size());
  digits.erase(0, std::min(digits.find_first_not_of('0'), digits.size()));
  while (digits.ends_with('0')) {
    digits.pop_back();
    ++power_of_ten;
  }
  if (digits.size() > kMaxDigits) return std::nullopt;
  Wide value = 0;
  for (const char digit : digits) value = value * 10 + (digit - '0');
  return Number{negative ? -value : value, suffix->power_of_two, power_of_ten};
}

// In units of 10^-decimals, rounded away from zero as Kubernetes does; nothing where it doesn't fit.
std::optional<int64_t> InUnits(const Number& number, int decimals) {
  constexpr Wide kMax = std::numeric_limits<int64_t>::max();
  const bool negative = number.digits < 0;
  Wide value = (negative ? -number.digits : number.digits) << number.power_of_two;
  bool rest = false;
  for (int power = number.power_of_ten + decimals; power != 0 && value != 0; power += power < 0 ? 1 : -1) {
    if (power < 0) {
      rest = rest || value % 10 != 0;
      value /= 10;
    } else {
      if (value > kMax) return std::nullopt;
      value *= 10;
    }
  }
  if (rest) ++value;
  if (value > kMax) return std::nullopt;
  return static_cast<int64_t>(negative ? -value : value);
}

Result<int64_t> Parse(std::string_view text, int decimals) {
  const auto number = ParseNumber(text);
  if (!number) {
    return Fail(
        ErrorCode::kInvalid,
        "\"{}\" is not a quantity: use a number of at most {} digits and a unit, such as 500m, 1.5, 512Mi or 2G", text,
        kMaxDigits);
  }
  const auto units = InUnits(*number, decimals);
  if (!units) return Fail(ErrorCode::kInvalid, "the quantity \"{}\" is too large", text);
  return *units;
}

}  // namespace

Result<int64_t> ParseQuantity(std::string_view text) { return Parse(text, 0); }

Result<int64_t> ParseMilliQuantity(std::string_view text) { return Parse(text, 3); }

std::string FormatMilliQuantity(int64_t thousandths) {
  return thousandths % 1'000 == 0 ? fmt::format("{}", thousandths / 1'000) : fmt::format("{}m", thousandths);
}

std::string FormatByteQuantity(int64_t bytes) {
  constexpr std::array kUnits = {"", "Ki", "Mi", "Gi", "Ti", "Pi"};
  size_t unit = 0;
  while (bytes != 0 && bytes % 1'024 == 0 && unit + 1 < kUnits.size()) {
    bytes /= 1'024;
    ++unit;
  }
  return fmt::format("{}{}", bytes, kUnits.at(unit));
}

}  // namespace fumehood::api
