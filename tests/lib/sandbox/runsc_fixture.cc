#include "tests/lib/sandbox/runsc_fixture.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <sstream>
#include <thread>

namespace fumehood::sandbox {

namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

std::string& WhyNotContainedStorage() {
  static std::string reason = "the test program's main did not run";
  return reason;
}

// Empty when there is none.
std::string FindRunsc() {
  if (const char* given = std::getenv("FUMEHOOD_RUNSC")) return given;
  const char* path = std::getenv("PATH");
  std::istringstream directories(path == nullptr ? "" : path);
  std::string directory;
  while (std::getline(directories, directory, ':')) {
    const fs::path candidate = fs::path(directory) / "runsc";
    if (access(candidate.c_str(), X_OK) == 0) return candidate;
  }
  return "";
}

}  // namespace

std::string ReadFile(const fs::path& path) {
  // A stream's iterators throw when the process behind a file in /proc is gone.
  const UniqueFd file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  std::string content;
  char buffer[4096];
  for (ssize_t got; (got = read(file.get(), buffer, sizeof buffer)) > 0;) {
    content.append(buffer, static_cast<size_t>(got));
  }
  return content;
}

const std::string& WhyNotContained() { return WhyNotContainedStorage(); }
void SetWhyNotContained(std::string reason) { WhyNotContainedStorage() = std::move(reason); }

bool WaitUntil(const std::function<bool()>& condition) {
  const auto deadline = std::chrono::steady_clock::now() + 10s;
  while (!condition()) {
    if (std::chrono::steady_clock::now() >= deadline) return false;
    std::this_thread::sleep_for(2ms);
  }
  return true;
}

FileWatch::FileWatch(const fs::path& path) : events_(inotify_init1(IN_CLOEXEC | IN_NONBLOCK)) {
  EXPECT_GE(inotify_add_watch(events_.get(), path.c_str(), IN_OPEN), 0);
}

bool FileWatch::WaitUntilOpened() {
  pollfd event{.fd = events_.get(), .events = POLLIN, .revents = 0};
  return poll(&event, 1, 10'000) == 1;
}

void MakeBusyboxImage(const fs::path& root) {
  fs::create_directories(root / "bin");
  fs::copy_file("/bin/busybox", root / "bin/busybox");
  fs::copy_file(FUMEHOOD_HOSTILE, root / "bin/hostile");
  for (const char* applet :
       {"awk", "cat", "chmod", "cp",   "dd",    "echo",  "env",    "false", "find", "grep", "head",     "hostname",
        "id",  "ip",  "kill",  "ln",   "ls",    "mkdir", "mknod",  "mount", "ps",   "pwd",  "readlink", "rm",
        "seq", "sh",  "sleep", "stat", "touch", "true",  "umount", "uname", "wc",   "yes"}) {
    fs::create_symlink("busybox", root / "bin" / applet);
  }
  // Only the file system's being read-only protects it.
  fs::create_directories(root / "open");
  fs::permissions(root / "open", fs::perms{0777});
  WriteFile(root / "etc/passwd", "root:x:0:0::/root:/bin/sh\nsandbox:x:1000:1000::/tmp:/bin/sh\n");
  WriteFile(root / "etc/group", "root:x:0:\nsandbox:x:1000:\n");
}

std::vector<ProcessSeen> ProcessesSeen() {
  std::vector<ProcessSeen> processes;
  for (const fs::directory_entry& entry : fs::directory_iterator("/proc")) {
    const std::string name = entry.path().filename();
    if (name.find_first_not_of("0123456789") != std::string::npos) continue;
    std::string command_line = ReadFile(entry.path() / "cmdline");
    // A zombie has none.
    if (command_line.empty()) continue;
    std::ranges::replace(command_line, '\0', ' ');
    processes.push_back({.pid = std::stoi(name), .command_line = std::move(command_line)});
  }
  return processes;
}

std::vector<fs::path> CgroupDirectories(const std::string& name) {
  std::vector<fs::path> found;
  const auto location = LocateCgroups(ReadFile("/proc/self/mountinfo"), ReadFile("/proc/self/cgroup"));
  if (!location) return found;
  for (const CgroupHierarchy& hierarchy : location->hierarchies) {
    for (const fs::path& base : {hierarchy.mount_point / hierarchy.own, hierarchy.mount_point}) {
      if (!fs::exists(base / name)) continue;
      found.push_back(base / name);
      break;
    }
  }
  return found;
}

void RunscTest::SetUp() {
  if (!WhyNotContained().empty()) GTEST_SKIP() << WhyNotContained();
  if (FindRunsc().empty()) GTEST_SKIP() << "needs runsc, in $FUMEHOOD_RUNSC or in the PATH";
  if (!fs::exists("/bin/busybox")) GTEST_SKIP() << "needs /bin/busybox (Debian: busybox-static)";
  MakeBusyboxImage(temp_ / "images/default");
  WriteFile(temp_ / "repositories/shop/README", "hello\n");
  WriteFile(temp_ / "repositories/shop/sub/file", "deep\n");
  Use(Options());
}

RunscOptions RunscTest::Options() const {
  return {.runsc = FindRunsc(),
          .init = FUMEHOOD_INIT,
          .images = ImagesFolder{temp_ / "images"},
          .repository_root = temp_ / "repositories",
          .state = StateDirectoryForTests(),
          // All of these tests also run with sandboxes that were started before.
          .pool = {.minimum = 1, .maximum = std::getenv("FUMEHOOD_TEST_WARM") == nullptr ? size_t{0} : size_t{2}}};
}

void RunscTest::Use(const RunscOptions& options) {
  Cgroups cgroups = CgroupParent::Open("");
  ASSERT_TRUE(cgroups.has_value()) << cgroups.error().message;
  cgroups_name_ = (*cgroups)->name();
  Use(options, std::move(cgroups));
}

void RunscTest::UseWithoutCgroups(const RunscOptions& options) {
  Use(options, Fail(ErrorCode::kUnavailable, "the reason of this test"));
}

void RunscTest::Use(const RunscOptions& options, Cgroups cgroups) {
  runner_.reset();
  auto runner = RunscRunner::Create(options, std::move(cgroups));
  ASSERT_TRUE(runner.has_value()) << runner.error().message;
  runner_ = std::move(*runner);
  if (options.pool.maximum == 0 || options.pool.minimum == 0 || runner_->images().empty()) return;
  EXPECT_TRUE(WaitUntil([this] { return runner_->waiting_sandboxes() > 0; })) << "no sandbox is warm";
}

void RunscTest::TearDown() {
  if (runner_ == nullptr) return;
  runner_->DrainPool();
  EXPECT_TRUE(WaitUntil([this] { return LeftOvers().empty(); })) << testing::PrintToString(LeftOvers());
  runner_.reset();
  EXPECT_TRUE(fs::is_empty(StateDirectoryForTests()));
  EXPECT_EQ(CgroupDirectories(cgroups_name_), std::vector<fs::path>());
}

std::multiset<std::string> RunscTest::SandboxCgroupsSay(const std::string& file) const {
  std::multiset<std::string> said;
  for (const fs::path& directory : CgroupDirectories(cgroups_name_)) {
    for (const fs::directory_entry& entry : fs::directory_iterator(directory)) {
      if (fs::exists(entry.path() / file)) said.insert(ReadFile(entry.path() / file));
    }
  }
  return said;
}

std::vector<std::string> RunscTest::LeftOvers() const {
  std::vector<std::string> found;
  for (const ProcessSeen& process : ProcessesSeen()) {
    if (process.command_line.contains("runsc-") || process.command_line.contains("fumehood-init")) {
      found.push_back(process.command_line);
    }
  }
  const fs::path pool = StateDirectoryForTests() / "pool";
  for (const fs::directory_entry& entry : fs::directory_iterator(pool)) found.push_back(entry.path());
  std::istringstream mounts(ReadFile("/proc/self/mountinfo"));
  std::string line;
  while (std::getline(mounts, line)) {
    if (line.contains(pool.string() + "/")) found.push_back(line);
  }
  for (const fs::path& directory : CgroupDirectories(cgroups_name_)) {
    for (const fs::directory_entry& entry : fs::directory_iterator(directory)) {
      if (entry.is_directory()) found.push_back(entry.path());
    }
  }
  return found;
}

RunRequest RunscTest::Command(std::vector<std::string> argv) const {
  RunRequest request;
  request.argv = std::move(argv);
  request.image = "default";
  request.repository_path = "shop";
  request.timeout = 30s;
  return request;
}

void RunscTest::While(std::string text, const std::function<void()>& look) {
  std::stop_source stop;
  std::jthread looker;
  Run(
      Shell(std::move(text)),
      [&] {
        looker = std::jthread([&] {
          look();
          stop.request_stop();
        });
      },
      stop.get_token());
}

RunResult RunscTest::Run(const RunRequest& request, const std::function<void()>& on_started, std::stop_token stop) {
  Result<RunResult> result = runner_->Run(request, on_started, std::move(stop));
  if (!result) {
    ADD_FAILURE() << result.error().message;
    return {};
  }
  return *std::move(result);
}

std::string RunscTest::OutputOf(std::string text) {
  const RunResult result = Run(Shell(std::move(text)));
  const auto* exited = std::get_if<Exited>(&result.ending);
  EXPECT_TRUE(exited != nullptr && exited->code == 0) << result.stderr_output.head;
  return result.stdout_output.head;
}

}  // namespace fumehood::sandbox
