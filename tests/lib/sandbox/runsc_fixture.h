#pragma once

#include <gtest/gtest.h>
#include <sys/types.h>

#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "lib/sandbox/runsc_runner.h"
#include "tests/lib/sandbox/temporary_directory.h"

namespace fumehood::sandbox {

// Why the test program could not enter containment; empty when it is contained. Root-only tests are skipped
// then.
const std::string& WhyNotContained();
void SetWhyNotContained(std::string reason);
// The state directory that was given to EnterContainment, and is a tmpfs of our own.
std::filesystem::path StateDirectoryForTests();

// Polls until `condition` holds; false when it didn't within ten seconds.
bool WaitUntil(const std::function<bool()>& condition);

// Watches a file of the repository for being opened, which is how a command inside can tell the test where it
// is.
class FileWatch {
 public:
  explicit FileWatch(const std::filesystem::path& path);
  // False when it wasn't within ten seconds.
  bool WaitUntilOpened();

 private:
  UniqueFd events_;
};

// Makes a root file system of busybox.
void MakeBusyboxImage(const std::filesystem::path& root);

// What can be read of a file, also of one in /proc whose process is just ending.
std::string ReadFile(const std::filesystem::path& path);

struct ProcessSeen {
  pid_t pid = 0;
  std::string command_line;  // arguments separated by spaces
};
// Every process in our PID namespace that is no zombie and no thread of ours.
std::vector<ProcessSeen> ProcessesSeen();

// Where a CgroupParent of that name has its cgroups now.
std::vector<std::filesystem::path> CgroupDirectories(const std::string& name);

// Runs real commands with a runner of its own: image "default" (busybox), repository "shop" with a README.
// After each test neither processes nor mounts nor directories nor cgroups of sandboxes may be left.
class RunscTest : public testing::Test {
 protected:
  void SetUp() override;
  void TearDown() override;

  RunRequest Command(std::vector<std::string> argv) const;
  RunRequest Shell(std::string text) const { return Command({"/bin/sh", "-c", std::move(text)}); }
  RunResult Run(const RunRequest& request, const std::function<void()>& on_started = nullptr,
                std::stop_token stop = {});
  // What `sh -c text` writes to stdout; it must exit with 0.
  std::string OutputOf(std::string text);

  // Runs a shell that stays, calls `look` meanwhile, and stops it.
  void While(std::string text, const std::function<void()>& look);

  // What the runner of SetUp was made with.
  RunscOptions Options() const;
  // From now on the commands run in a runner with these.
  void Use(const RunscOptions& options);
  // The same; it has no cgroups, for "the reason of this test".
  void UseWithoutCgroups(const RunscOptions& options);

  RunscRunner& runner() { return *runner_; }
  const TemporaryDirectory& temp() const { return temp_; }
  // Of the runner's CgroupParent.
  const std::string& cgroups_name() const { return cgroups_name_; }
  // What a file of the sandboxes' cgroups says, of each that has it.
  std::multiset<std::string> SandboxCgroupsSay(const std::string& file) const;

 private:
  void Use(const RunscOptions& options, Cgroups cgroups);
  std::vector<std::string> LeftOvers() const;

  TemporaryDirectory temp_;
  std::unique_ptr<RunscRunner> runner_;
  std::string cgroups_name_;
};

}  // namespace fumehood::sandbox
