#pragma once

#include <sys/types.h>

#include <expected>
#include <filesystem>
#include <string>
#include <vector>

#include "lib/base/result.h"
#include "lib/base/time.h"
#include "lib/base/unique_fd.h"

namespace fumehood::sandbox {

// The descriptors that become a program's 0, 1 and 2. It gets no others.
struct StandardStreams {
  int in = -1;
  int out = -1;
  int err = -1;
};

// A program of the host that is to be started.
struct Program {
  std::vector<std::string> argv;  // the first is its path: nothing is looked up
  // Nothing of our own environment is added: it may hold secrets.
  std::vector<std::string> env = {"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"};
  std::filesystem::path working_dir = {};  // empty: ours
  StandardStreams streams = {};
};

// Starts a program in a session of its own, with no signal blocked or ignored. The errno where it could not be started.
std::expected<pid_t, int> Spawn(const Program& program);

// Runs a program of the host, argv[0], to its end and answers with its wait status, as of waitpid(2). It has
// a session of its own and an almost empty environment. At `deadline` it is killed, which is an Error
// (kUnavailable). What it writes into a pipe that nobody reads must fit into it. Safe to call from several
// threads; the process must not ignore SIGCHLD.
Result<int> RunProgram(const std::vector<std::string>& argv, StandardStreams streams, SteadyTime deadline);

// Waits until a child ends, and answers with its wait status; at `deadline` it is killed, as above. `name` is for
// the Error.
Result<int> WaitForProgram(pid_t pid, const std::string& name, SteadyTime deadline);

// "exited with 128", "was killed by signal 9".
std::string DescribeWaitStatus(int wait_status);

struct Pipe {
  UniqueFd read_end;
  UniqueFd write_end;
};
// Both ends are closed on exec.
Result<Pipe> MakePipe();

// What is in a pipe now, at most `max_bytes`, without waiting for more.
std::string ReadAvailable(int fd, size_t max_bytes);

// Milliseconds for poll(2) until `deadline`: rounded up, 0 when it has passed.
int PollTimeout(SteadyTime deadline);

}  // namespace fumehood::sandbox
