// An init that has been taken over: in place of running its command it makes every mount writable that it
// can, and tries to write, as the guest's root, to each path that the command names. Its exit code is the
// number of the first argument that was not refused with EROFS; 0 when all were.
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

#include "lib/sandbox/init_protocol.h"

namespace init = fumehood::sandbox::init;

namespace {

void Say(const init::Report& report) {
  const std::string frame = init::Encode(report);
  send(STDIN_FILENO, frame.data(), frame.size(), MSG_NOSIGNAL);
}

int FirstNotRefused(const std::vector<std::string>& paths) {
  for (size_t i = 0; i < paths.size(); ++i) {
    const int fd = open(paths[i].c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    if (fd >= 0 || errno != EROFS) return static_cast<int>(i) + 1;
  }
  return 0;
}

}  // namespace

int main() {
  init::FrameBuffer frames(init::kMaxHandOverBody);
  char buffer[4096];
  while (true) {
    const ssize_t got = recv(STDIN_FILENO, buffer, sizeof buffer, 0);
    if (got <= 0) return 1;
    frames.Append({buffer, static_cast<size_t>(got)});
    const auto frame = frames.Next();
    if (!frame) return 1;
    if (!*frame) continue;
    const auto hand_over = init::DecodeHandOver(**frame);
    if (!hand_over) return 1;
    Say(init::Started{});
    for (const char* mounted : {"/", init::kLatePath}) {
      mount(nullptr, mounted, nullptr, MS_REMOUNT, nullptr);
      mount(nullptr, mounted, nullptr, MS_REMOUNT | MS_BIND, nullptr);
    }
    Say(init::Ended{FirstNotRefused(hand_over->argv) << 8});
  }
}
