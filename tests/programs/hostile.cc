// Programs that nobody wants on their node, in one: hostile NAME [NUMBER]. Static, because the images of the tests have
// no libraries.
#include <fcntl.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string_view>

namespace {

constexpr size_t kMiB = 1 << 20;

[[noreturn]] void Stay() {
  while (true) pause();
}

// Every process makes more, without end.
int ForkBomb(long) {
  while (true) (void)!fork();
}

void Say(long made, long most, int error_number) {
  printf("%ld %s\n", made, made < most ? strerror(error_number) : "all");
  fflush(stdout);
}

// Makes at most so many children that stay, and says how many there were and why no more.
int CountChildren(long most) {
  long made = 0;
  for (; made < most; ++made) {
    const pid_t pid = fork();
    if (pid < 0) break;
    if (pid == 0) Stay();
  }
  Say(made, most, errno);
  return 0;
}

int CountThreads(long most) {
  long made = 0;
  int error_number = 0;
  for (; made < most; ++made) {
    pthread_t thread;
    error_number = pthread_create(&thread, nullptr, [](void*) -> void* { Stay(); }, nullptr);
    if (error_number != 0) break;
  }
  Say(made, most, error_number);
  _exit(0);
}

// Uses so many MiB of memory, or all that there is.
int MemoryBomb(long most) {
  for (long made = 0; most == 0 || made < most; ++made) {
    void* block = mmap(nullptr, kMiB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (block == MAP_FAILED) return 3;
    memset(block, 1, kMiB);
  }
  puts("survived");
  return 0;
}

// Writes without end, and says how many MiB there was room for.
int Fill(const char* path) {
  static std::array<char, kMiB> block;
  const int fd = open(path, O_CREAT | O_WRONLY | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0) {
    printf("open: %s\n", strerror(errno));
    return 1;
  }
  size_t written = 0;
  ssize_t got = 0;
  while ((got = write(fd, block.data(), block.size())) > 0) written += static_cast<size_t>(got);
  printf("%zu %s\n", written / kMiB, strerror(errno));
  return 0;
}
int FillTmp(long) { return Fill("/tmp/filler"); }
int FillShm(long) { return Fill("/dev/shm/filler"); }
int FillWorkspace(long) { return Fill("/workspace/filler"); }

// So many MiB; 0: without end.
void Write(int fd, long mebibytes) {
  static std::array<char, kMiB> block;
  block.fill('x');
  for (long i = 0; mebibytes == 0 || i < mebibytes; ++i) {
    for (size_t done = 0; done < block.size();) {
      const ssize_t got = write(fd, block.data() + done, block.size() - done);
      if (got < 0) _exit(4);
      done += static_cast<size_t>(got);
    }
  }
}

// Both outputs at once, so many MiB each.
int Flood(long mebibytes) {
  const pid_t other = fork();
  Write(other == 0 ? STDERR_FILENO : STDOUT_FILENO, mebibytes);
  if (other != 0) waitpid(other, nullptr, 0);
  return 0;
}

// Ends, while children in sessions of their own go on writing.
int LeaveWriters(long count) {
  for (long i = 0; i < count; ++i) {
    if (fork() != 0) continue;
    setsid();
    Write(i % 2 == 0 ? STDOUT_FILENO : STDERR_FILENO, 0);
  }
  return 7;
}

int CloseOutputs(long) {
  close(STDOUT_FILENO);
  close(STDERR_FILENO);
  usleep(100'000);
  return 9;
}

// Uses a CPU until a signal ends it.
int Burn(long seconds) {
  alarm(static_cast<unsigned>(seconds));
  for (volatile bool forever = true; forever;) {
  }
  return 0;
}

// Says how a connection to the repository's socket went.
int Connect(long) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  strcpy(address.sun_path, "/workspace/socket");
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int connected = connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address);
  puts(connected == 0 ? "connected" : strerror(errno));
  return 0;
}

struct Program {
  std::string_view name;
  int (*run)(long number);
};
constexpr std::array kPrograms = {
    Program{"fork-bomb", ForkBomb},
    Program{"count-children", CountChildren},
    Program{"count-threads", CountThreads},
    Program{"memory-bomb", MemoryBomb},
    Program{"fill-tmp", FillTmp},
    Program{"fill-shm", FillShm},
    Program{"fill-workspace", FillWorkspace},
    Program{"flood", Flood},
    Program{"leave-writers", LeaveWriters},
    Program{"close-outputs", CloseOutputs},
    Program{"burn", Burn},
    Program{"connect", Connect},
};

}  // namespace

int main(int argc, char** argv) {
  for (const Program& program : kPrograms) {
    if (argc > 1 && program.name == argv[1]) return program.run(argc > 2 ? atol(argv[2]) : 0);
  }
  fputs("usage: hostile NAME [NUMBER]\n", stderr);
  return 2;
}
