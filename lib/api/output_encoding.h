// How bytes that a command wrote become strings of a status that the API server can store.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "lib/api/sandbox_command.h"

namespace fumehood::api {

// What was kept of one stream.
struct KeptOutput {
  std::string_view head;
  std::string_view tail;     // empty unless bytes between the two were dropped
  uint64_t total_bytes = 0;  // written, kept or not
};

// Fills the output fields of `result`.
//
// Text stays text. Both streams become base64 when one is not UTF-8, or when JSON would blow one up: the API server
// writes '<', '>', '&' and control characters as six bytes each, and an object has to fit into etcd's 1.5 MiB. So text
// is kept while its escaped form is at most 4/3 of its size, which base64 would be, or at most 32 KiB.
//
// Where bytes were dropped, "\n[fumehood: N bytes omitted]\n" stands between head and tail; in text the cuts are
// moved to the borders of characters.
void EncodeOutputs(const KeptOutput& stdout_kept, const KeptOutput& stderr_kept, CommandResult& result);

// The bytes that `text` has as a JSON string in the API server's encoding (Go's, with HTML escaping), without the
// quotes.
size_t EscapedSize(std::string_view text);

}  // namespace fumehood::api
