#pragma once

#include <sys/types.h>

#include <map>
#include <mutex>
#include <utility>

#include "lib/base/result.h"
#include "lib/base/unique_fd.h"

namespace fumehood::sandbox {

// Mappings of files' owners, for id-mapped mounts. Each is kept: making one takes a process. Safe to use from several
// threads.
class OwnerMappings {
 public:
  // A user namespace in which what belongs to that user and group belongs to the command's, and the other way round.
  // Everybody else stays who they are. Valid as long as we are.
  Result<int> ToCommandUser(uid_t owner, gid_t group);

 private:
  std::mutex mutex_;  // guards namespaces_; held while one is made, so that it is made once
  std::map<std::pair<uid_t, gid_t>, UniqueFd> namespaces_;
};

}  // namespace fumehood::sandbox
