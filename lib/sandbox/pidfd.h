// <sys/pidfd.h>, which in glibc 2.36 lacks the linkage that C++ needs.
#pragma once

extern "C" {
#include <sys/pidfd.h>
}
