#pragma once

#include <concepts>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "lib/base/result.h"
#include "lib/kube/client.h"
#include "lib/kube/reflector.h"

namespace fumehood::kube {

// What a store must know of its objects.
template <typename T>
concept ApiObject = requires(const T& object) {
  { object.metadata.ns } -> std::convertible_to<std::string>;
  { object.metadata.name } -> std::convertible_to<std::string>;
  { object.metadata.uid } -> std::convertible_to<std::string>;
};

// The objects of one kind as the server last told us, and a call for each difference.
//
// Deletes that happened while we weren't connected are found when the next list lacks the object. An object that was
// deleted and made again under the same name is two objects: the old one leaves, then the new one comes. So whoever
// keeps facts by uid never mixes two lives of one name.
template <ApiObject T>
class Store final : public ObjectSink {
 public:
  using Pointer = std::shared_ptr<const T>;  // shared, since readers may outlive the object's place in the store
  using Parse = std::function<Result<T>(const Json&)>;
  // Exactly one of the two may be null: no `before` is a new object, no `after` one that left.
  // Called on the reflector's thread without the store's lock; it may read the store.
  using OnChange = std::function<void(const Pointer& before, const Pointer& after)>;

  struct Handlers {
    OnChange on_change = [](const Pointer&, const Pointer&) {};
    // Before what a complete list has changed is told: it may have happened long ago, while no watch was open.
    std::function<void()> before_list = [] {};
    std::function<void()> on_synced = [] {};     // after each complete list
    std::function<void()> on_connected = [] {};  // see ObjectSink::OnConnected
    std::function<void(const Error&)> on_problem = [](const Error&) {};
  };

  Store(Parse parse, Handlers handlers) : parse_(std::move(parse)), handlers_(std::move(handlers)) {}

  // Safe to call from several threads.
  Pointer Find(const ObjectName& name) const {
    std::lock_guard lock(mutex_);
    const auto found = objects_.find(name);
    return found == objects_.end() ? nullptr : found->second;
  }
  std::vector<Pointer> All() const {
    std::lock_guard lock(mutex_);
    std::vector<Pointer> all;
    all.reserve(objects_.size());
    for (const auto& [name, object] : objects_) all.push_back(object);
    return all;
  }
  // One list is complete, and on_change has been called for all of it: what is derived from the changes is whole too.
  bool synced() const {
    std::lock_guard lock(mutex_);
    return synced_;
  }

  void Replace(const std::vector<Json>& objects) override {
    handlers_.before_list();
    std::map<ObjectName, Pointer> fresh;
    for (const Json& json : objects) {
      if (Pointer object = Read(json)) fresh[NameOf(*object)] = object;
    }
    std::map<ObjectName, Pointer> stale;
    {
      std::lock_guard lock(mutex_);
      stale = std::exchange(objects_, fresh);
    }
    for (const auto& [name, object] : stale) {
      if (!fresh.contains(name)) handlers_.on_change(object, nullptr);
    }
    for (const auto& [name, object] : fresh) {
      const auto before = stale.find(name);
      Report(before == stale.end() ? nullptr : before->second, object);
    }
    {
      std::lock_guard lock(mutex_);
      synced_ = true;
    }
    handlers_.on_synced();
  }

  void Apply(const Json& json) override {
    const Pointer object = Read(json);
    if (!object) return;
    Pointer before;
    {
      std::lock_guard lock(mutex_);
      before = std::exchange(objects_[NameOf(*object)], object);
    }
    Report(before, object);
  }

  void Remove(const Json& json) override {
    const Pointer last = Read(json);
    if (!last) return;
    Pointer before;
    {
      std::lock_guard lock(mutex_);
      const auto found = objects_.find(NameOf(*last));
      // A late removal of an earlier object must not take its successor away.
      if (found == objects_.end() || found->second->metadata.uid != last->metadata.uid) return;
      before = std::move(found->second);
      objects_.erase(found);
    }
    handlers_.on_change(last, nullptr);
  }

  void OnConnected() override { handlers_.on_connected(); }
  void OnProblem(const Error& error) override { handlers_.on_problem(error); }

 private:
  static ObjectName NameOf(const T& object) { return {object.metadata.ns, object.metadata.name}; }

  // Null where the object can't be read; that is a problem of this object alone.
  Pointer Read(const Json& json) {
    auto object = parse_(json);
    if (!object) {
      handlers_.on_problem(object.error());
      return nullptr;
    }
    return std::make_shared<const T>(std::move(*object));
  }

  void Report(const Pointer& before, const Pointer& after) {
    if (before && before->metadata.uid != after->metadata.uid) {
      handlers_.on_change(before, nullptr);
      handlers_.on_change(nullptr, after);
    } else {
      handlers_.on_change(before, after);
    }
  }

  const Parse parse_;
  const Handlers handlers_;
  mutable std::mutex mutex_;  // guards what follows
  std::map<ObjectName, Pointer> objects_;
  bool synced_ = false;
};

}  // namespace fumehood::kube
