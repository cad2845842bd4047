#include "tests/metrics_document.h"

#include <algorithm>
#include <fstream>
#include <set>
#include <sstream>

namespace fumehood {
namespace {

std::string Shape(const std::string& type, const std::set<std::string>& labels) {
  std::string shape = type + ":";
  for (const std::string& label : labels) shape += (shape.ends_with(':') ? " " : ", ") + label;
  return shape;
}

std::string TypeName(prometheus::MetricType type) {
  switch (type) {
    case prometheus::MetricType::Counter: return "counter";
    case prometheus::MetricType::Gauge: return "gauge";
    case prometheus::MetricType::Histogram: return "histogram";
    case prometheus::MetricType::Summary:
    case prometheus::MetricType::Untyped: break;
  }
  return "other";
}

// What is between backticks.
std::set<std::string> Quoted(const std::string& cell) {
  std::set<std::string> words;
  for (size_t begin = 0; (begin = cell.find('`', begin)) != std::string::npos;) {
    const size_t end = cell.find('`', begin + 1);
    words.insert(cell.substr(begin + 1, end - begin - 1));
    begin = end + 1;
  }
  return words;
}

}  // namespace

MetricShapes DocumentedMetrics(const std::vector<std::string>& headings) {
  std::ifstream file(std::string(FUMEHOOD_DOCS_DIR) + "/metrics.md");
  MetricShapes shapes;
  bool wanted = false;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("## ")) wanted = std::ranges::find(headings, line.substr(3)) != headings.end();
    if (!wanted || !line.starts_with("| `")) continue;
    std::istringstream cells(line);
    std::string nothing, name, type, labels;
    std::getline(cells, nothing, '|');
    std::getline(cells, name, '|');
    std::getline(cells, type, '|');
    std::getline(cells, labels, '|');
    std::erase(type, ' ');
    shapes[*Quoted(name).begin()] = Shape(type, Quoted(labels));
  }
  return shapes;
}

MetricShapes RegisteredMetrics(const prometheus::Registry& registry) {
  std::map<std::string, std::set<std::string>> all;
  for (const prometheus::MetricFamily& family : registry.Collect()) {
    for (const prometheus::ClientMetric& series : family.metric) {
      std::set<std::string> labels;
      for (const auto& label : series.label) labels.insert(label.name);
      all[family.name].insert(Shape(TypeName(family.type), labels));
    }
  }
  MetricShapes shapes;
  for (const auto& [name, different] : all) {
    for (const std::string& shape : different) shapes[name] += shapes[name].empty() ? shape : " and " + shape;
  }
  return shapes;
}

}  // namespace fumehood
