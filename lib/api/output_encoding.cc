#include "lib/api/output_encoding.h"

#include <fmt/format.h>
#include <algorithm>

#include "lib/base/base64.h"
#include "lib/base/utf8.h"

namespace fumehood::api {
namespace {

// Up to so many bytes escaping is harmless, and text is worth more than compactness.
constexpr size_t kHarmlessSize = 32 * 1'024;

unsigned char ByteAt(std::string_view bytes, size_t index) { return static_cast<unsigned char>(bytes[index]); }

bool IsTruncated(const KeptOutput& kept) { return kept.total_bytes > kept.head.size() + kept.tail.size(); }

KeptOutput CutAtCharacters(const KeptOutput& kept) {
  if (!IsTruncated(kept)) return kept;
  return {TrimCutEnd(kept.head), TrimCutBegin(kept.tail), kept.total_bytes};
}

std::string Join(const KeptOutput& kept) {
  if (!IsTruncated(kept)) return fmt::format("{}{}", kept.head, kept.tail);
  const uint64_t omitted = kept.total_bytes - kept.head.size() - kept.tail.size();
  return fmt::format("{}\n[fumehood: {} bytes omitted]\n{}", kept.head, omitted, kept.tail);
}

bool CanBeText(const std::string& text) {
  return IsUtf8(text) && EscapedSize(text) <= std::max(kHarmlessSize, text.size() / 3 * 4);
}

}  // namespace

void EncodeOutputs(const KeptOutput& stdout_kept, const KeptOutput& stderr_kept, CommandResult& result) {
  result.stdout_bytes = static_cast<int64_t>(stdout_kept.total_bytes);
  result.stderr_bytes = static_cast<int64_t>(stderr_kept.total_bytes);
  result.stdout_truncated = IsTruncated(stdout_kept);
  result.stderr_truncated = IsTruncated(stderr_kept);
  result.stdout_text = Join(CutAtCharacters(stdout_kept));
  result.stderr_text = Join(CutAtCharacters(stderr_kept));
  result.output_encoding = OutputEncoding::kUtf8;
  if (CanBeText(result.stdout_text) && CanBeText(result.stderr_text)) return;

  result.stdout_text = EncodeBase64(Join(stdout_kept));
  result.stderr_text = EncodeBase64(Join(stderr_kept));
  result.output_encoding = OutputEncoding::kBase64;
}

size_t EscapedSize(std::string_view text) {
  size_t size = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    switch (const unsigned char byte = ByteAt(text, i)) {
      case '"':
      case '\\':
      case '\n':
      case '\r':
      case '\t': size += 2; break;
      case '<':
      case '>':
      case '&': size += 6; break;
      default: size += byte < 0x20 ? 6 : 1;
    }
    // U+2028 and U+2029 are three bytes of UTF-8, and six when escaped.
    if (text.substr(i).starts_with("\xE2\x80\xA8") || text.substr(i).starts_with("\xE2\x80\xA9")) size += 3;
  }
  return size;
}

}  // namespace fumehood::api
