// What was found out about this machine and need not be found out again, in $XDG_CACHE_HOME/fumehood or
// ~/.cache/fumehood. Each fact is known under a key, and forgotten with the next key. Best effort: where there is no
// such folder, or it can't be written, nothing is ever known.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

namespace fumehood::cli {

std::optional<std::string> Recall(const std::string& what, const std::string& key);
void Remember(const std::string& what, const std::string& key, const std::string& fact);
void Forget(const std::string& what);

// Which file a program is, and in which state: for a key. "none" where there is no such file.
std::string Fingerprint(const std::filesystem::path& program);

}  // namespace fumehood::cli
