# Headers from outside that most files of a kind include are parsed once per kind: half of the
# compiler's time went into them. Files still include what they use; clang (scripts/lint, the fuzz
# preset) reads them without this.

set(dynavg_common_headers
  <algorithm> <array> <chrono> <cmath> <cstddef> <cstdint> <deque> <filesystem> <fstream>
  <functional> <limits> <map> <memory> <mutex> <numeric> <optional> <set> <span> <string>
  <string_view> <thread> <tuple> <utility> <variant> <vector>
  <fmt/format.h> <tl/expected.hpp>)
set(dynavg_network_headers
  <boost/asio/io_context.hpp> <boost/asio/post.hpp> <boost/asio/steady_timer.hpp> <zmq.hpp>)

# A test's own code is compiled once and run for milliseconds. What it tests is compiled as installed.
# The second: where Catch2 is precompiled, what it says about its own macros is forgotten.
set(dynavg_test_options $<$<CONFIG:Release>:-O0> -Wno-parentheses)

set(DYNAVG_PRECOMPILE OFF)
if(CMAKE_CXX_COMPILER_ID STREQUAL GNU)
  set(DYNAVG_PRECOMPILE ON)
  # ccache sees by this which precompiled file was read.
  target_compile_options(dynavg_compile INTERFACE -fpch-preprocess)
endif()

# dynavg_precompiled_kind(KIND OPTIONS LIBRARIES libs... HEADERS headers...) compiles the headers, with
# OPTIONS, as the files that use them are compiled.
function(dynavg_precompiled_kind kind options)
  if(NOT DYNAVG_PRECOMPILE)
    return()
  endif()
  cmake_parse_arguments(arg "" "" "LIBRARIES;HEADERS" ${ARGN})
  set(source ${CMAKE_BINARY_DIR}/precompiled/${kind}.cpp)
  file(CONFIGURE OUTPUT ${source} CONTENT "")
  add_library(dynavg_precompiled_${kind} OBJECT ${source})
  target_compile_options(dynavg_precompiled_${kind} PRIVATE ${options})
  target_link_libraries(dynavg_precompiled_${kind} PRIVATE dynavg_compile ${arg_LIBRARIES})
  target_precompile_headers(dynavg_precompiled_${kind} PRIVATE ${arg_HEADERS})
endfunction()

# dynavg_precompiled(TARGET KIND) lets TARGET's files begin with the headers of KIND.
function(dynavg_precompiled target kind)
  if(DYNAVG_PRECOMPILE)
    target_precompile_headers(${target} REUSE_FROM dynavg_precompiled_${kind})
  endif()
endfunction()

dynavg_precompiled_kind(common ""
  LIBRARIES fmt::fmt tl::expected
  HEADERS ${dynavg_common_headers})
dynavg_precompiled_kind(network ""
  LIBRARIES fmt::fmt tl::expected Boost::headers PkgConfig::zmq
  HEADERS ${dynavg_common_headers} ${dynavg_network_headers})
dynavg_precompiled_kind(cli ""
  LIBRARIES fmt::fmt tl::expected nlohmann_json::nlohmann_json CLI11::CLI11
  HEADERS ${dynavg_common_headers} <nlohmann/json.hpp> <CLI/CLI.hpp>)
if(DYNAVG_TRAINING)
  dynavg_precompiled_kind(torch ""
    LIBRARIES fmt::fmt tl::expected dynavg_torch
    HEADERS ${dynavg_common_headers} <ATen/core/Tensor.h>)
endif()
dynavg_precompiled_kind(test "${dynavg_test_options}"
  LIBRARIES fmt::fmt tl::expected
  HEADERS "\"tests/catch.hpp\"" ${dynavg_common_headers})
dynavg_precompiled_kind(network_test "${dynavg_test_options}"
  LIBRARIES fmt::fmt tl::expected Boost::headers PkgConfig::zmq
  HEADERS "\"tests/catch.hpp\"" ${dynavg_common_headers} ${dynavg_network_headers})
