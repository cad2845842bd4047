#include "lib/kube/event.h"

#include "lib/base/utf8.h"

namespace fumehood::kube {
namespace {

constexpr size_t kMaxNoteBytes = 1'024;  // the API server refuses longer ones

Json SeriesOf(const Event& event) {
  return {{"count", event.count}, {"lastObservedTime", FormatMicroTime(event.last_time)}};
}

}  // namespace

Json ToJson(const Event& event, const EventSource& source) {
  const ObjectReference& regarding = event.record.regarding;
  Json object = {
      {"apiVersion", "events.k8s.io/v1"},
      {"kind", "Event"},
      {"metadata", {{"name", event.name.name}, {"namespace", event.name.ns}}},
      {"eventTime", FormatMicroTime(event.first_time)},
      {"reportingController", source.controller},
      {"reportingInstance", source.instance},
      {"type", event.record.type == EventType::kNormal ? "Normal" : "Warning"},
      {"reason", event.record.reason},
      {"action", event.record.action},
      {"note", ToStorableText(event.record.note, kMaxNoteBytes)},
      {"regarding",
       {{"apiVersion", regarding.api_version},
        {"kind", regarding.kind},
        {"namespace", regarding.ns},
        {"name", regarding.name},
        {"uid", regarding.uid}}},
  };
  if (event.count > 1) object["series"] = SeriesOf(event);
  return object;
}

Json SeriesPatch(const Event& event) { return {{"series", SeriesOf(event)}}; }

}  // namespace fumehood::kube
