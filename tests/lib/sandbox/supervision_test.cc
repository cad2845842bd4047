#include "lib/sandbox/supervision.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <string>

#include "lib/base/unique_fd.h"
#include "lib/sandbox/child_process.h"
#include "lib/sandbox/pidfd.h"

namespace fumehood::sandbox {
namespace {

using namespace std::chrono_literals;

// A process that stands for the sandbox, and the test that plays the init: it says everything in advance.
class SupervisionTest : public testing::Test {
 protected:
  SupervisionTest() {
    pid_ = fork();
    if (pid_ == 0) {
      while (true) pause();
    }
    process_.Reset(pidfd_open(pid_, 0));
    int ends[2];
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    control_.Reset(ends[0]);
    init_.Reset(ends[1]);
  }

  ~SupervisionTest() override {
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }

  void Say(const init::Report& report) { SayBytes(init::Encode(report)); }
  void SayBytes(const std::string& bytes) {
    EXPECT_EQ(send(init_.get(), bytes.data(), bytes.size(), 0), static_cast<ssize_t>(bytes.size()));
  }

  Supervised Supervise(std::chrono::milliseconds timeout = 20s, std::stop_token stop = {}) {
    stdout_.write_end.Reset();
    stderr_.write_end.Reset();
    const init::HandOver hand_over{.argv = {"true"}, .env = {}, .working_dir = "/", .stdin_data = ""};
    return sandbox::Supervise(
               {.control = control_.get(),
                .stdout_pipe = stdout_.read_end.get(),
                .stderr_pipe = stderr_.read_end.get(),
                .process = process_.get()},
               hand_over, {.timeout = timeout, .max_output_bytes = 100}, [this] { ++starts_; }, stop)
        .value();
  }

  template <typename Kind>
  static bool Is(const Supervised& supervised) {
    return std::holds_alternative<Kind>(supervised.ending);
  }

  UniqueFd control_;
  UniqueFd init_;
  UniqueFd process_;
  Pipe stdout_ = MakePipe().value();
  Pipe stderr_ = MakePipe().value();
  pid_t pid_ = 0;
  int starts_ = 0;
};

TEST_F(SupervisionTest, ExitStatusIsTheInits) {
  Say(init::Started{});
  Say(init::Ended{7 << 8});
  const Supervised supervised = Supervise();
  EXPECT_EQ(std::get<Exited>(supervised.ending).code, 7);
  EXPECT_TRUE(supervised.started.has_value());
  EXPECT_EQ(starts_, 1);
}

TEST_F(SupervisionTest, HandOverReachesTheInit) {
  Say(init::Started{});
  Say(init::Ended{0});
  Supervise();
  char buffer[4096];
  const ssize_t got = recv(init_.get(), buffer, sizeof buffer, 0);
  ASSERT_GT(got, 0);
  init::FrameBuffer frames(init::kMaxHandOverBody);
  frames.Append({buffer, static_cast<size_t>(got)});
  EXPECT_EQ(init::DecodeHandOver(frames.Next().value().value()).value().argv, std::vector<std::string>{"true"});
}

TEST_F(SupervisionTest, OutputWrittenBeforeTheEndIsKept) {
  EXPECT_EQ(write(stdout_.write_end.get(), "out", 3), 3);
  EXPECT_EQ(write(stderr_.write_end.get(), "err", 3), 3);
  Say(init::Started{});
  Say(init::Ended{0});
  const Supervised supervised = Supervise();
  EXPECT_EQ(supervised.stdout_output.head, "out");
  EXPECT_EQ(supervised.stderr_output.head, "err");
}

TEST_F(SupervisionTest, EndingOfASandboxThatIsDeadAlreadyCounts) {
  Say(init::Started{});
  Say(init::Ended{SIGSEGV});
  kill(pid_, SIGKILL);
  EXPECT_EQ(std::get<Signaled>(Supervise().ending).signal, SIGSEGV);
}

TEST_F(SupervisionTest, DeathWithoutAnEndingIsSandboxTerminated) {
  Say(init::Started{});
  kill(pid_, SIGKILL);
  EXPECT_TRUE(Is<SandboxTerminated>(Supervise()));
}

TEST_F(SupervisionTest, ClosedSocketIsSandboxTerminated) {
  Say(init::Started{});
  init_.Reset();
  EXPECT_TRUE(Is<SandboxTerminated>(Supervise()));
}

TEST_F(SupervisionTest, SilenceReachesTheTimeLimit) { EXPECT_TRUE(Is<TimedOut>(Supervise(10ms))); }

TEST_F(SupervisionTest, StopIsCancelled) {
  std::stop_source stop;
  stop.request_stop();
  EXPECT_TRUE(Is<Cancelled>(Supervise(20s, stop.get_token())));
}

TEST_F(SupervisionTest, NotStartedIsHandedOn) {
  Say(init::NotStarted{init::Stage::kExec, ENOENT, "x"});
  const Supervised supervised = Supervise();
  EXPECT_EQ(std::get<init::NotStarted>(supervised.ending).path, "x");
  EXPECT_FALSE(supervised.started.has_value());
  EXPECT_EQ(starts_, 0);
}

TEST_F(SupervisionTest, SandboxIsKilledAtTheEnd) {
  Say(init::Started{});
  Say(init::Ended{0});
  Supervise();
  int status = 0;
  waitpid(pid_, &status, 0);
  EXPECT_EQ(WTERMSIG(status), SIGKILL);
}

TEST_F(SupervisionTest, EndingWithoutAStartIsNonsense) {
  Say(init::Ended{0});
  EXPECT_TRUE(Is<SandboxTerminated>(Supervise()));
}

TEST_F(SupervisionTest, SecondStartIsNonsense) {
  Say(init::Started{});
  Say(init::Started{});
  EXPECT_TRUE(Is<SandboxTerminated>(Supervise()));
  EXPECT_EQ(starts_, 1);
}

TEST_F(SupervisionTest, NotStartedAfterTheStartIsNonsense) {
  Say(init::Started{});
  Say(init::NotStarted{init::Stage::kWorkspace, EIO, ""});
  EXPECT_TRUE(Is<SandboxTerminated>(Supervise()));
}

TEST_F(SupervisionTest, StoppedIsNoEnding) {
  Say(init::Started{});
  Say(init::Ended{0x137f});
  EXPECT_TRUE(Is<SandboxTerminated>(Supervise()));
}

TEST_F(SupervisionTest, SignalThatNoKernelHasIsNonsense) {
  Say(init::Started{});
  Say(init::Ended{100});
  EXPECT_TRUE(Is<SandboxTerminated>(Supervise()));
}

TEST_F(SupervisionTest, GarbageIsNonsense) {
  SayBytes(std::string(1000, 'x'));
  EXPECT_TRUE(Is<SandboxTerminated>(Supervise()));
}

}  // namespace
}  // namespace fumehood::sandbox
