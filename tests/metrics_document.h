#pragma once

#include <prometheus/registry.h>

#include <map>
#include <string>
#include <vector>

namespace fumehood {

// Metrics by name, each with its type and its labels in order: {"workqueue_depth", "gauge: controller, name"}.
using MetricShapes = std::map<std::string, std::string>;

// Those in the tables under these headings of docs/metrics.md.
MetricShapes DocumentedMetrics(const std::vector<std::string>& headings);

// Those of a registry. A name whose series differ in their labels has each of them.
MetricShapes RegisteredMetrics(const prometheus::Registry& registry);

}  // namespace fumehood
