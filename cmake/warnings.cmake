# Warnings are errors, in every preset and for every target of ours.
add_library(fumehood_warnings INTERFACE)
target_compile_options(fumehood_warnings INTERFACE
  -Wall -Wextra -Werror -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual -Wcast-qual -Wold-style-cast
  -Wimplicit-fallthrough -Wvla -Wformat=2)
if(FUMEHOOD_SANITIZER)
  # g++ 12 reports values as uninitialised that its own sanitizer instrumentation hides from it.
  target_compile_options(fumehood_warnings INTERFACE -Wno-maybe-uninitialized)
endif()
