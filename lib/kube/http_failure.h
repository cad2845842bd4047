#pragma once

#include <string>
#include <string_view>

namespace fumehood::kube {

// A sentence for people from what cpprestsdk reports: its text, and a number whose meaning depends on that
// text (an errno, one of asio's own numbers, or a code of OpenSSL's).
std::string DescribeHttpFailure(std::string_view text, int number);

}  // namespace fumehood::kube
