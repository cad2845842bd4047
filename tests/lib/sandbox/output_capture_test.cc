#include "lib/sandbox/output_capture.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>

namespace fumehood::sandbox {
namespace {

std::string Bytes(size_t count) {
  std::string bytes;
  for (size_t i = 0; i < count; ++i) bytes.push_back(static_cast<char>('a' + i % 26));
  return bytes;
}

CapturedOutput Capture(uint64_t max_bytes, const std::string& written, size_t piece) {
  OutputCapture capture(max_bytes);
  for (size_t at = 0; at < written.size(); at += piece) capture.Append(std::string_view(written).substr(at, piece));
  return std::move(capture).Take();
}

TEST(OutputCaptureTest, EverythingThatFitsIsKeptWhole) {
  for (const uint64_t max_bytes : {0, 1, 2, 7, 8}) {
    for (uint64_t size = 0; size <= max_bytes; ++size) {
      const CapturedOutput output = Capture(max_bytes, Bytes(size), 3);
      EXPECT_EQ(output.head, Bytes(size)) << max_bytes;
      EXPECT_EQ(output.tail, "");
      EXPECT_FALSE(output.truncated());
    }
  }
}

TEST(OutputCaptureTest, HeadAndTailAreKeptWhateverThePiecesWere) {
  for (const uint64_t max_bytes : {1, 2, 7, 8, 50}) {
    const uint64_t head = max_bytes / 2;
    const uint64_t tail = max_bytes - head;
    for (uint64_t size = max_bytes + 1; size < max_bytes + 60; ++size) {
      for (size_t piece = 1; piece <= size; ++piece) {
        const std::string written = Bytes(size);
        const CapturedOutput output = Capture(max_bytes, written, piece);
        ASSERT_EQ(output.head, written.substr(0, head)) << max_bytes << " of " << size << " in " << piece;
        ASSERT_EQ(output.tail, written.substr(size - tail)) << max_bytes << " of " << size << " in " << piece;
        ASSERT_EQ(output.total_bytes, size);
        ASSERT_EQ(output.omitted_bytes(), size - max_bytes);
      }
    }
  }
}

TEST(OutputCaptureTest, NothingIsKeptOfAFloodButItsSize) {
  const CapturedOutput output = Capture(0, Bytes(1000), 100);
  EXPECT_EQ(output.head + output.tail, "");
  EXPECT_EQ(output.total_bytes, 1000u);
  EXPECT_TRUE(output.truncated());
}

}  // namespace
}  // namespace fumehood::sandbox
