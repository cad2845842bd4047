// What a ledger file consists of: a header, then records one after the other. Numbers are little-endian.
//
//   header   magic (8) · version (4) · CRC-32 of both (4)
//   record   marker (2) · length of the body (4) · CRC-32 of the body (4) · CRC-32 of the two before (4) · body
//   body     CBOR [kind, uid, attempt, namespace, name, result], stuffed: the marker never occurs in it
//
// The marker is why records can be found again behind damage, and why what a command printed is never taken for one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "executor/assignments.h"
#include "lib/base/json_fields.h"
#include "lib/base/result.h"

namespace fumehood::executor {

inline constexpr uint32_t kLedgerVersion = 1;
inline constexpr size_t kLedgerHeaderBytes = 16;
inline constexpr size_t kRecordHeadBytes = 14;
// A result has at most about 700 KB: two outputs at their maximum in base64. Stuffing can double it.
inline constexpr size_t kMaxBodyBytes = size_t{16} << 20;

struct LedgerRecord {
  // The numbers are in the file.
  enum class Kind : uint8_t {
    kStarted = 1,
    kEnded = 2,
    kDropped = 3,  // all that is kept of it is that its uid was started up to this attempt
  };
  Kind kind = Kind::kStarted;
  AttemptKey key;
  Json result;  // of kEnded
};

std::string EncodeLedgerHeader();
// The record with its head, as it is written. kTooLarge when the body would have more than kMaxBodyBytes.
Result<std::string> EncodeRecord(const LedgerRecord& record);
// What EncodeRecord made; kInternal for anything else.
Result<LedgerRecord> DecodeRecord(std::string_view encoded);

struct LedgerDamage {
  uint64_t offset = 0;
  std::string_view bytes;
};

// Reads all records that are intact, in their order, and returns the stretches that can't be read. What an interrupted
// write leaves at the end is not among them: it was never promised to anybody. kInvalid for a file of a newer version,
// which has no damage that we could judge. `encoded` and the stretches point into `file`.
using OnRecord = std::function<void(LedgerRecord record, std::string_view encoded)>;
Result<std::vector<LedgerDamage>> ReadLedger(std::string_view file, const OnRecord& on_record);

}  // namespace fumehood::executor
