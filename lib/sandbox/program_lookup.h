// Where this machine's programs are, and what of our own environment they are given.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace fumehood::sandbox {

// A variable of our own environment; empty where it isn't set.
std::string_view EnvironmentVariable(const char* name);
// All of it, "NAME=value".
std::vector<std::string> OwnEnvironment();

// Whether it is a file that we may execute.
bool IsProgram(const std::filesystem::path& path);

// The folders of our PATH. Relative ones are left out: they would be looked up in a repository that nobody trusts.
std::vector<std::filesystem::path> FoldersOfPath();

}  // namespace fumehood::sandbox
