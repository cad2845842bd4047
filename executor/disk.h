// What the ledger needs of a file system. Behind it are the machine's (posix_disk.h) and one that loses power (the
// tests').
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include "lib/base/result.h"

namespace fumehood::executor {

// A file that is open for writing at its end; closed with the object. Its errors don't name it: it may be renamed.
class DiskFile {
 public:
  virtual ~DiskFile() = default;
  // When it fails, some of the bytes may be in the file.
  virtual Status Append(std::string_view bytes) = 0;
  // Success: what was appended survives a power loss. After a failure nobody knows what of it does, whatever a later
  // Sync says: the kernel reports an error once and takes the pages for clean.
  virtual Status Sync() = 0;
  // Cuts off what is behind the first `size` bytes.
  virtual Status Truncate(uint64_t size) = 0;
};

// One directory; names are those of files in it. Its errors name the path.
class Disk {
 public:
  virtual ~Disk() = default;
  // Keeps every other process out until the Disk goes away. kConflict when another one is still in after `wait`.
  virtual Status Lock(std::chrono::milliseconds wait) = 0;
  // kNotFound when there is none, kTooLarge when it has more than `max_bytes`.
  virtual Result<std::string> Read(const std::string& name, uint64_t max_bytes) = 0;
  // kAlreadyExists when there is one.
  virtual Result<std::unique_ptr<DiskFile>> Create(const std::string& name) = 0;
  // `to` is replaced, at once as a whole.
  virtual Status Rename(const std::string& from, const std::string& to) = 0;
  // Success also where there is none.
  virtual Status Remove(const std::string& name) = 0;
  // Success: what was created, renamed and removed is so after a power loss.
  virtual Status SyncNames() = 0;
  // For messages.
  virtual std::filesystem::path PathOf(const std::string& name) const = 0;
};

}  // namespace fumehood::executor
