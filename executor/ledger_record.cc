#include "executor/ledger_record.h"

#include <zlib.h>

#include <algorithm>
#include <optional>
#include <utility>

namespace fumehood::executor {

namespace {

constexpr std::string_view kMagic = "FHLEDGER";
// Neither byte is ever part of UTF-8 text, so that stuffing leaves text as long as it is.
constexpr char kMarkerByte = '\xC1';
constexpr std::string_view kMarker = "\xC1\xF5";
constexpr std::string_view kStuffed{"\xC1\x00", 2};

void PutU32(std::string& out, uint32_t number) {
  for (int shift = 0; shift < 32; shift += 8) out.push_back(static_cast<char>(number >> shift & 0xFF));
}

uint32_t GetU32(std::string_view bytes) {
  uint32_t number = 0;
  for (size_t i = 4; i-- > 0;) number = number << 8 | static_cast<uint8_t>(bytes[i]);
  return number;
}

uint32_t Crc(std::string_view bytes) {
  return static_cast<uint32_t>(crc32_z(0, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
}

std::string Stuff(std::string_view bytes) {
  std::string out;
  out.reserve(bytes.size());
  for (const char byte : bytes) {
    if (byte == kMarkerByte) {
      out.append(kStuffed);
    } else {
      out.push_back(byte);
    }
  }
  return out;
}

std::string Unstuff(std::string_view bytes) {
  std::string out;
  out.reserve(bytes.size());
  for (size_t i = 0; i < bytes.size(); ++i) {
    out.push_back(bytes[i]);
    if (bytes[i] == kMarkerByte) ++i;
  }
  return out;
}

// The length of the body that the head at the beginning of `bytes` announces; nothing where there is no intact head.
std::optional<size_t> BodyLength(std::string_view bytes) {
  if (bytes.size() < kRecordHeadBytes || !bytes.starts_with(kMarker)) return std::nullopt;
  if (Crc(bytes.substr(2, 8)) != GetU32(bytes.substr(10))) return std::nullopt;
  const size_t length = GetU32(bytes.substr(2));
  return length <= kMaxBodyBytes ? std::optional(length) : std::nullopt;
}

std::optional<LedgerRecord> FromBody(std::string_view body) {
  Json json;
  try {
    // `store`: binary values may have a subtype, which CBOR writes as a tag.
    json = Json::from_cbor(Unstuff(body), /*strict=*/true, /*allow_exceptions=*/false, Json::cbor_tag_handler_t::store);
  } catch (const Json::exception&) {
    return std::nullopt;  // a length that no container can have
  }
  if (!json.is_array() || json.size() != 6 || !json[0].is_number_integer() || !json[1].is_string() ||
      !json[2].is_number_integer() || !json[3].is_string() || !json[4].is_string()) {
    return std::nullopt;
  }
  const auto kind = json[0].get<int64_t>();
  if (kind < 1 || kind > 3) return std::nullopt;
  return LedgerRecord{.kind = static_cast<LedgerRecord::Kind>(kind),
                      .key = {.name = {json[3].get<std::string>(), json[4].get<std::string>()},
                              .uid = json[1].get<std::string>(),
                              .attempt = json[2].get<int64_t>()},
                      .result = std::move(json[5])};
}

struct Found {
  LedgerRecord record;
  std::string_view encoded;
};

// The record at the beginning of `bytes`.
std::optional<Found> RecordAt(std::string_view bytes) {
  const auto length = BodyLength(bytes);
  if (!length || bytes.size() < kRecordHeadBytes + *length) return std::nullopt;
  const std::string_view body = bytes.substr(kRecordHeadBytes, *length);
  if (Crc(body) != GetU32(bytes.substr(6))) return std::nullopt;
  auto record = FromBody(body);
  if (!record) return std::nullopt;
  return Found{std::move(*record), bytes.substr(0, kRecordHeadBytes + *length)};
}

// Whether an interrupted write can have left `rest`, which has no record behind it: the beginning of one, or space
// that the file system had given to the file but not filled yet.
bool IsTorn(std::string_view rest) {
  const auto length = BodyLength(rest);
  return rest.size() < kRecordHeadBytes || (length && rest.size() < kRecordHeadBytes + *length) ||
         std::ranges::all_of(rest, [](char byte) { return byte == '\0'; });
}

enum class Header { kIntact, kTorn, kDamaged, kNewer };

Header JudgeHeader(std::string_view file) {
  if (file.size() < kLedgerHeaderBytes)
    return EncodeLedgerHeader().starts_with(file) ? Header::kTorn : Header::kDamaged;
  if (!file.starts_with(kMagic) || Crc(file.substr(0, 12)) != GetU32(file.substr(12))) return Header::kDamaged;
  return GetU32(file.substr(8)) > kLedgerVersion ? Header::kNewer : Header::kIntact;
}

}  // namespace

std::string EncodeLedgerHeader() {
  std::string out(kMagic);
  PutU32(out, kLedgerVersion);
  PutU32(out, Crc(out));
  return out;
}

Result<std::string> EncodeRecord(const LedgerRecord& record) {
  const AttemptKey& key = record.key;
  std::string cbor;
  Json::to_cbor(
      Json::array({static_cast<int>(record.kind), key.uid, key.attempt, key.name.ns, key.name.name, record.result}),
      cbor);
  const std::string body = Stuff(cbor);
  if (body.size() > kMaxBodyBytes) {
    return Fail(ErrorCode::kTooLarge, "record attempt {} of \"{}/{}\": {} bytes, at most {} are possible", key.attempt,
                key.name.ns, key.name.name, body.size(), kMaxBodyBytes);
  }
  std::string out(kMarker);
  PutU32(out, static_cast<uint32_t>(body.size()));
  PutU32(out, Crc(body));
  PutU32(out, Crc(std::string_view(out).substr(2)));
  return out + body;
}

Result<LedgerRecord> DecodeRecord(std::string_view encoded) {
  auto found = RecordAt(encoded);
  if (!found || found->encoded.size() != encoded.size()) {
    return Fail(ErrorCode::kInternal, "{} bytes are not a record of a ledger", encoded.size());
  }
  return std::move(found->record);
}

Result<std::vector<LedgerDamage>> ReadLedger(std::string_view file, const OnRecord& on_record) {
  size_t bad_from = 0;
  size_t at = 0;
  switch (JudgeHeader(file)) {
    case Header::kIntact: bad_from = at = kLedgerHeaderBytes; break;
    case Header::kTorn: return {};
    case Header::kDamaged: break;
    case Header::kNewer:
      return Fail(ErrorCode::kInvalid,
                  "it has format {}, and this executor knows formats up to {}: run the executor that wrote it, or a "
                  "newer one; or move it away, and what it holds is lost",
                  GetU32(file.substr(8)), kLedgerVersion);
  }
  std::vector<LedgerDamage> damage;
  while ((at = file.find(kMarker, at)) != std::string_view::npos) {
    auto found = RecordAt(file.substr(at));
    if (!found) {
      ++at;
      continue;
    }
    if (at > bad_from) damage.push_back({bad_from, file.substr(bad_from, at - bad_from)});
    at += found->encoded.size();
    bad_from = at;
    on_record(std::move(found->record), found->encoded);
  }
  const std::string_view rest = file.substr(bad_from);
  // A file that doesn't even begin as a ledger was not written by us.
  const bool is_ledger = bad_from > 0;
  if (!rest.empty() && !(is_ledger && IsTorn(rest))) damage.push_back({bad_from, rest});
  return damage;
}

}  // namespace fumehood::executor
