#include "lib/sandbox/init_protocol.h"

#include <utility>

namespace fumehood::sandbox::init {

namespace {

// A frame is: magic (4 bytes), version (2), type (2), length of the body (4), body. All numbers are little
// endian.
constexpr uint32_t kMagic = 0x44484d46;  // "FMHD"
constexpr uint16_t kVersion = 2;
constexpr size_t kHeaderSize = 12;

enum FrameType : uint16_t { kHandOverFrame = 1, kStartedFrame = 2, kEndedFrame = 3, kNotStartedFrame = 4 };

template <typename Number>
void Put(std::string& out, Number number) {
  for (size_t i = 0; i < sizeof(Number); ++i) out.push_back(static_cast<char>((number >> (8 * i)) & 0xff));
}

void PutText(std::string& out, std::string_view text) {
  Put(out, static_cast<uint32_t>(text.size()));
  out.append(text);
}

void PutList(std::string& out, const std::vector<std::string>& list) {
  Put(out, static_cast<uint32_t>(list.size()));
  for (const std::string& text : list) PutText(out, text);
}

std::string MakeFrame(FrameType type, std::string_view body) {
  std::string frame;
  frame.reserve(kHeaderSize + body.size());
  Put(frame, kMagic);
  Put(frame, kVersion);
  Put(frame, static_cast<uint16_t>(type));
  Put(frame, static_cast<uint32_t>(body.size()));
  frame.append(body);
  return frame;
}

template <typename Number>
Number NumberAt(std::string_view bytes, size_t offset) {
  Number number = 0;
  for (size_t i = 0; i < sizeof(Number); ++i) {
    const auto byte = static_cast<unsigned char>(bytes[offset + i]);
    number = static_cast<Number>(number | (static_cast<Number>(byte) << (8 * i)));
  }
  return number;
}

// Takes values off the front of a body. The first refusal is kept, and everything after it is empty.
class Reader {
 public:
  explicit Reader(std::string_view body) : rest_(body) {}

  template <typename Number>
  Number TakeNumber() {
    if (rest_.size() < sizeof(Number)) return Refuse("the message is truncated"), Number{};
    const Number number = NumberAt<Number>(rest_, 0);
    rest_.remove_prefix(sizeof(Number));
    return number;
  }

  std::string TakeBytes() {
    const auto size = TakeNumber<uint32_t>();
    if (size > rest_.size()) return Refuse("the message is truncated"), std::string{};
    std::string bytes(rest_.substr(0, size));
    rest_.remove_prefix(size);
    return bytes;
  }

  std::string TakeText() {
    std::string text = TakeBytes();
    if (text.contains('\0')) Refuse("a text contains a NUL byte");
    return text;
  }

  std::vector<std::string> TakeList() {
    const auto count = TakeNumber<uint32_t>();
    // Each text takes at least its length, so a count beyond that is a lie that must not cost memory.
    if (count > rest_.size() / sizeof(uint32_t)) {
      return Refuse("the message is truncated"), std::vector<std::string>{};
    }
    std::vector<std::string> list;
    for (uint32_t i = 0; i < count && refusal_.empty(); ++i) list.push_back(TakeText());
    return list;
  }

  void Refuse(std::string_view reason) {
    if (refusal_.empty()) refusal_ = reason;
    rest_ = {};
  }

  template <typename Value>
  std::expected<Value, std::string_view> Finish(Value value) {
    if (!rest_.empty()) Refuse("the message has bytes left over");
    if (!refusal_.empty()) return std::unexpected(refusal_);
    return value;
  }

 private:
  std::string_view rest_;
  std::string_view refusal_;
};

}  // namespace

std::string Encode(const HandOver& hand_over) {
  std::string body;
  PutList(body, hand_over.argv);
  PutList(body, hand_over.env);
  PutText(body, hand_over.working_dir);
  PutText(body, hand_over.stdin_data);
  Put(body, hand_over.uid);
  Put(body, hand_over.gid);
  Put(body, static_cast<uint8_t>(hand_over.workspace));
  Put(body, hand_over.scratch_bytes);
  Put(body, hand_over.max_processes);
  PutList(body, hand_over.others);
  return MakeFrame(kHandOverFrame, body);
}

std::string Encode(const Report& report) {
  std::string body;
  if (const auto* ended = std::get_if<Ended>(&report)) {
    Put(body, static_cast<uint32_t>(ended->wait_status));
    return MakeFrame(kEndedFrame, body);
  }
  if (const auto* not_started = std::get_if<NotStarted>(&report)) {
    Put(body, static_cast<uint8_t>(not_started->stage));
    Put(body, static_cast<uint32_t>(not_started->error_number));
    PutText(body, not_started->path);
    return MakeFrame(kNotStartedFrame, body);
  }
  return MakeFrame(kStartedFrame, body);
}

std::expected<std::optional<Frame>, std::string_view> FrameBuffer::Next() {
  if (bytes_.size() < kHeaderSize) return std::nullopt;
  if (NumberAt<uint32_t>(bytes_, 0) != kMagic) return std::unexpected("not a message of this protocol");
  if (NumberAt<uint16_t>(bytes_, 4) != kVersion) return std::unexpected("another version of this protocol");
  const auto size = NumberAt<uint32_t>(bytes_, 8);
  if (size > max_body_) return std::unexpected("the message is too large");
  if (bytes_.size() < kHeaderSize + size) return std::nullopt;
  Frame frame{.type = NumberAt<uint16_t>(bytes_, 6), .body = bytes_.substr(kHeaderSize, size)};
  bytes_.erase(0, kHeaderSize + size);
  return frame;
}

std::expected<HandOver, std::string_view> DecodeHandOver(const Frame& frame) {
  if (frame.type != kHandOverFrame) return std::unexpected("a message of another type");
  Reader reader(frame.body);
  HandOver hand_over;
  hand_over.argv = reader.TakeList();
  hand_over.env = reader.TakeList();
  hand_over.working_dir = reader.TakeText();
  hand_over.stdin_data = reader.TakeBytes();
  hand_over.uid = reader.TakeNumber<uint32_t>();
  hand_over.gid = reader.TakeNumber<uint32_t>();
  const auto workspace = reader.TakeNumber<uint8_t>();
  if (workspace > static_cast<uint8_t>(Workspace::kEphemeral)) reader.Refuse("the message names an unknown workspace");
  hand_over.workspace = static_cast<Workspace>(workspace);
  hand_over.scratch_bytes = reader.TakeNumber<uint64_t>();
  hand_over.max_processes = reader.TakeNumber<uint32_t>();
  hand_over.others = reader.TakeList();
  if (hand_over.argv.empty()) reader.Refuse("the message has no program");
  return reader.Finish(std::move(hand_over));
}

std::expected<Report, std::string_view> DecodeReport(const Frame& frame) {
  Reader reader(frame.body);
  switch (frame.type) {
    case kStartedFrame: return reader.Finish<Report>(Started{});
    case kEndedFrame: return reader.Finish<Report>(Ended{static_cast<int>(reader.TakeNumber<uint32_t>())});
    case kNotStartedFrame: {
      const auto stage = reader.TakeNumber<uint8_t>();
      if (stage > static_cast<uint8_t>(Stage::kExec)) reader.Refuse("the message names an unknown stage");
      NotStarted not_started;
      not_started.stage = static_cast<Stage>(stage);
      not_started.error_number = static_cast<int>(reader.TakeNumber<uint32_t>());
      not_started.path = reader.TakeText();
      return reader.Finish<Report>(std::move(not_started));
    }
    default: return std::unexpected("a message of another type");
  }
}

}  // namespace fumehood::sandbox::init
