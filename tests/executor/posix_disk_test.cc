// The ledger on a real file system.
#include "executor/posix_disk.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <thread>

#include "executor/ledger.h"
#include "tests/executor/ledger_samples.h"

namespace {
std::atomic<int> fdatasync_calls = 0;
std::atomic<int> fdatasync_error = 0;
}  // namespace

// Stands before the C library's: nothing else that a test can see tells whether the disk was asked to sync.
extern "C" int fdatasync(int fd) {
  ++fdatasync_calls;
  if (fdatasync_error != 0) {
    errno = fdatasync_error;
    return -1;
  }
  return static_cast<int>(syscall(SYS_fdatasync, fd));
}

namespace fumehood::executor {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
namespace fs = std::filesystem;

class PosixDiskTest : public testing::Test {
 protected:
  PosixDiskTest() {
    std::string name = fs::temp_directory_path() / "ledger-test-XXXXXX";
    if (mkdtemp(name.data()) != nullptr) folder_ = name;
  }
  ~PosixDiskTest() override {
    std::error_code ignored;
    fs::remove_all(folder_, ignored);
  }

  std::unique_ptr<Ledger> Open() { return Ledger::Open(folder_ / "var/ledger").value(); }

  fs::path folder_;
};

TEST_F(PosixDiskTest, TheNextExecutorFindsWhatTheOneBeforeItStored) {
  {
    const auto ledger = Open();
    ASSERT_TRUE(ledger->Start(Attempt("a")));
    ASSERT_TRUE(ledger->Start(Attempt("b")));
    ASSERT_TRUE(ledger->End(Attempt("b"), ResultOf("done")));
    ASSERT_TRUE(ledger->Start(Attempt("c")));
    ledger->Drop(Attempt("c"));
  }
  const auto ledger = Open();
  EXPECT_THAT(Describe(*ledger), ElementsAre("a/1", "b/1=done"));
  EXPECT_EQ(CodeOf(ledger->Start(Attempt("c"))), ErrorCode::kAlreadyExists);
}

TEST_F(PosixDiskTest, OnlyTheOwnerCanReadWhatCommandsPrinted) {
  const auto ledger = Open();
  struct stat status{};
  ASSERT_EQ(stat((folder_ / "var/ledger").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 0700U);
  ASSERT_EQ(stat((folder_ / "var/ledger/ledger").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 0600U);
}

TEST_F(PosixDiskTest, EachRecordIsSyncedBeforeItCounts) {
  const auto ledger = Open();
  const int before = fdatasync_calls;
  ASSERT_TRUE(ledger->Start(Attempt("a")));
  EXPECT_EQ(fdatasync_calls - before, 1);
  ASSERT_TRUE(ledger->End(Attempt("a"), ResultOf("")));
  EXPECT_EQ(fdatasync_calls - before, 2);
}

TEST_F(PosixDiskTest, ASyncThatFailsIsToldWithThePath) {
  const auto ledger = Open();
  fdatasync_error = EIO;
  const Status started = ledger->Start(Attempt("a"));
  fdatasync_error = 0;
  ASSERT_EQ(CodeOf(started), ErrorCode::kUnavailable);
  EXPECT_THAT(started.error().message, HasSubstr("var/ledger/ledger\": sync: Input/output error"));
}

TEST_F(PosixDiskTest, OneExecutorAtATimeHasTheLedger) {
  auto first = Open();
  const auto second = Ledger::Open(folder_ / "var/ledger", {.lock_wait = std::chrono::milliseconds(30)});
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::kConflict);
  EXPECT_THAT(second.error().message, HasSubstr("var/ledger/lock\": another executor runs on this node"));
  first.reset();
  EXPECT_TRUE(Ledger::Open(folder_ / "var/ledger", {.lock_wait = std::chrono::milliseconds(0)}));
}

TEST_F(PosixDiskTest, ASuccessorWaitsForItsPredecessorToEnd) {
  auto first = Open();
  std::atomic<bool> is_waiting = false;
  std::jthread predecessor([&] {
    is_waiting.wait(false);
    first.reset();
  });
  is_waiting = true;
  is_waiting.notify_one();
  EXPECT_TRUE(Ledger::Open(folder_ / "var/ledger", {.lock_wait = std::chrono::minutes(1)}));
}

TEST_F(PosixDiskTest, AFileInPlaceOfTheDirectoryIsAnError) {
  std::ofstream(folder_ / "var") << "in the way";
  const auto ledger = Ledger::Open(folder_ / "var/ledger");
  ASSERT_FALSE(ledger);
  EXPECT_THAT(ledger.error().message, HasSubstr("var"));
}

// A file system of 256 KiB.
class TinyFileSystem {
 public:
  explicit TinyFileSystem(fs::path path) : path_(std::move(path)) {
    fs::create_directory(path_);
    if (mount("tmpfs", path_.c_str(), "tmpfs", 0, "size=256k") != 0) error_ = errno;
  }
  TinyFileSystem(const TinyFileSystem&) = delete;
  TinyFileSystem& operator=(const TinyFileSystem&) = delete;
  ~TinyFileSystem() {
    if (error_ == 0) umount2(path_.c_str(), MNT_DETACH);
  }
  int error() const { return error_; }
  void Fill() { std::ofstream(path_ / "filler") << std::string(300'000, 'x'); }
  void MakeRoom() { fs::remove(path_ / "filler"); }

 private:
  fs::path path_;
  int error_ = 0;
};

TEST_F(PosixDiskTest, OnAFullFileSystemNothingStartsUntilThereIsRoomAgain) {
  TinyFileSystem tiny(folder_ / "tiny");
  if (tiny.error() != 0) GTEST_SKIP() << "can't mount a tmpfs (needs root): " << std::strerror(tiny.error());
  auto ledger = Ledger::Open(folder_ / "tiny/ledger").value();
  ASSERT_TRUE(ledger->Start(Attempt("before")));
  tiny.Fill();
  // The last page of the file has room for a few.
  Status started;
  int count = 0;
  while (started && count < 200) started = ledger->Start(Attempt(std::to_string(++count)));
  ASSERT_EQ(CodeOf(started), ErrorCode::kUnavailable);
  EXPECT_THAT(started.error().message, HasSubstr("No space left on device"));
  ASSERT_FALSE(ledger->health());
  EXPECT_THAT(ledger->health().error().message, HasSubstr("No space left on device"));
  ledger->Maintain();
  EXPECT_FALSE(ledger->health());

  tiny.MakeRoom();
  ledger->Maintain();
  EXPECT_TRUE(ledger->health());
  EXPECT_TRUE(ledger->Start(Attempt(std::to_string(count))));
  const size_t entries = ledger->entries().size();
  ledger.reset();
  EXPECT_EQ(Ledger::Open(folder_ / "tiny/ledger").value()->entries().size(), entries);
}

}  // namespace
}  // namespace fumehood::executor
