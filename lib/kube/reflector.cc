#include "lib/kube/reflector.h"

#include <atomic>
#include <optional>
#include <random>
#include <thread>
#include <utility>

#include "lib/base/sleep.h"
#include "lib/base/time.h"
#include "lib/kube/watch_event.h"
#include "lib/kube/watcher.h"

namespace fumehood::kube {
namespace {

using std::chrono::duration_cast;
using std::chrono::milliseconds;

// Requests a stop when `delay` has passed, unless it is destroyed before.
class Alarm {
 public:
  Alarm(std::stop_source& source, milliseconds delay)
      : thread_([this, &source, delay](std::stop_token silenced) {
          if (!SleepUnlessStopped(delay, silenced)) return;
          rang_ = true;
          source.request_stop();
        }) {}

  bool rang() const { return rang_; }

 private:
  std::atomic<bool> rang_ = false;
  std::jthread thread_;
};

class Reflector {
 public:
  Reflector(Client& client, const ReflectorOptions& options, ObjectSink& sink, std::stop_token stop)
      : client_(client), options_(options), sink_(sink), stop_(std::move(stop)), backoff_(options.backoff) {}

  void Run() {
    while (!stop_.stop_requested()) {
      const WatcherRequest request = NextRequest(state_);
      const WatcherNext next = std::visit([this](const auto& value) { return Perform(value); }, request);
      if (next != WatcherNext::kRequestAfterBackoff) continue;
      broken_ = true;  // also where a server ends one watch after the other before it says anything
      Pause();
    }
  }

 private:
  // Applies one step of the watcher and tells what to do next.
  WatcherNext Advance(WatcherInput input) {
    WatcherStep step = Step(std::move(state_), std::move(input));
    state_ = std::move(step.state);
    if (const auto* all = std::get_if<AllReplaced>(&step.change)) {
      sink_.Replace(all->objects);
    } else if (const auto* applied = std::get_if<ObjectApplied>(&step.change)) {
      sink_.Apply(applied->object);
    } else if (const auto* removed = std::get_if<ObjectRemoved>(&step.change)) {
      sink_.Remove(removed->object);
    }
    return step.next;
  }

  // The watch is open and goes on from everything that was listed.
  void Live() {
    if (std::exchange(live_, true)) return;
    if (options_.health != nullptr) options_.health->OnConnected();
    if (std::exchange(broken_, false) || clock_.SteadyNow() - ended_ >= options_.longest_seam) sink_.OnConnected();
  }

  void NotLive() {
    if (!std::exchange(live_, false)) return;
    ended_ = clock_.SteadyNow();
    if (options_.health != nullptr) options_.health->OnDisconnected(ended_);
  }

  WatcherNext Failed(Error error) {
    broken_ = true;
    if (!stop_.stop_requested()) sink_.OnProblem(error);
    return Advance(RequestFailed{std::move(error)});
  }

  WatcherNext Perform(const ListRequest& request) {
    auto list = client_.List(options_.type,
                             {.ns = options_.ns,
                              .field_selector = options_.field_selector,
                              .label_selector = "",
                              .resource_version = request.resource_version},
                             stop_);
    if (!list) return Failed(std::move(list).error());
    return Advance(Listed{std::move(*list)});
  }

  WatcherNext Perform(const WatchRequest& request) {
    const SteadyTime started = clock_.SteadyNow();
    const WatchOptions options{.ns = options_.ns,
                               .field_selector = options_.field_selector,
                               .label_selector = "",
                               .resource_version = request.resource_version,
                               .send_initial_events = request.send_initial_events,
                               .server_timeout = RandomServerTimeout(),
                               .idle_limit = options_.idle_limit,
                               .on_open = [this] {
                                 if (state_.mode == WatcherState::Mode::kWatch) Live();
                               }};
    std::stop_source stop_watch;
    const std::stop_callback stop_with_us(stop_, [&stop_watch] { stop_watch.request_stop(); });
    // Some servers never send the bookmark that ends the initial events, and trickle or stay silent instead.
    std::optional<Alarm> overdue;
    if (request.send_initial_events) overdue.emplace(stop_watch, options_.initial_events_limit);

    WatcherNext next = WatcherNext::kReadOn;
    const auto on_line = [&](std::string_view line) {
      auto event = ParseWatchEvent(line);
      next = event ? Advance(Observed{std::move(*event)}) : Failed(std::move(event).error());
      if (next != WatcherNext::kReadOn) return StreamControl::kStop;
      if (state_.mode == WatcherState::Mode::kWatch) {
        overdue.reset();
        Live();
      }
      return StreamControl::kContinue;
    };
    const Status watched = client_.Watch(options_.type, options, on_line, stop_watch.get_token());
    NotLive();
    if (next != WatcherNext::kReadOn) return next;
    if (overdue && overdue->rang() && !stop_.stop_requested()) return GiveUpStreamingList();
    if (!watched) return Failed(watched.error());
    return Advance(WatchEnded{duration_cast<milliseconds>(clock_.SteadyNow() - started)});
  }

  WatcherNext GiveUpStreamingList() {
    sink_.OnProblem({ErrorCode::kUnavailable,
                     fmt::format("watch {}: the server did not end its initial events within {} ms; listing instead",
                                 options_.type.plural, options_.initial_events_limit.count())});
    return Advance(InitialEventsOverdue{});
  }

  std::chrono::seconds RandomServerTimeout() {
    std::uniform_int_distribution<long> seconds(options_.shortest_watch.count(), options_.longest_watch.count());
    return std::chrono::seconds(seconds(random_));
  }

  void Pause() { SleepUnlessStopped(backoff_.Next(clock_.SteadyNow()), stop_); }

  Client& client_;
  const ReflectorOptions& options_;
  ObjectSink& sink_;
  const std::stop_token stop_;
  const SystemClock clock_;
  WatcherState state_;
  Backoff backoff_;
  bool live_ = false;   // between Live and NotLive
  bool broken_ = true;  // something failed since the sink was told of a connection; at first, it never was
  SteadyTime ended_;    // the last NotLive
  std::minstd_rand random_{std::random_device{}()};
};

}  // namespace

void RunReflector(Client& client, const ReflectorOptions& options, ObjectSink& sink, std::stop_token stop) {
  Reflector(client, options, sink, std::move(stop)).Run();
}

}  // namespace fumehood::kube
