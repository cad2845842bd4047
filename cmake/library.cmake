# fumehood_library(NAME SOURCES... LINK targets...): one library of lib/, known to others as fumehood::NAME.
function(fumehood_library name)
  cmake_parse_arguments(arg "" "" "SOURCES;LINK;PRIVATE_LINK" ${ARGN})
  add_library(fumehood_${name} STATIC ${arg_SOURCES})
  add_library(fumehood::${name} ALIAS fumehood_${name})
  target_include_directories(fumehood_${name} PUBLIC ${PROJECT_SOURCE_DIR})
  target_link_libraries(fumehood_${name}
    PUBLIC ${arg_LINK} fumehood_sanitizer
    PRIVATE ${arg_PRIVATE_LINK} fumehood_warnings)
endfunction()

# fumehood_test(NAME SOURCES... LINK targets...): one GoogleTest program; each TEST is a ctest test of its own.
function(fumehood_test name)
  cmake_parse_arguments(arg "" "" "SOURCES;LINK" ${ARGN})
  add_executable(${name} ${arg_SOURCES})
  target_link_libraries(${name} PRIVATE ${arg_LINK} fumehood_warnings GTest::gmock GTest::gtest_main)
  gtest_discover_tests(${name} DISCOVERY_TIMEOUT 60 PROPERTIES TIMEOUT 120)
endfunction()
