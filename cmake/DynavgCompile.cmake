# How every target of ours is compiled, in one place.

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

find_program(DYNAVG_CCACHE ccache)
if(DYNAVG_CCACHE)
  # Without these words ccache takes no file that begins with precompiled headers. We use no __TIME__.
  set(CMAKE_CXX_COMPILER_LAUNCHER
    ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros ${DYNAVG_CCACHE})
endif()

add_library(dynavg_compile INTERFACE)
target_compile_options(dynavg_compile INTERFACE
  -Wall -Wextra -Wshadow -Wconversion -Wnon-virtual-dtor -Wold-style-cast -Werror
  # Every peer must compute the same bits: no multiply-add may be fused behind our back.
  -ffp-contract=off)
target_include_directories(dynavg_compile INTERFACE ${CMAKE_SOURCE_DIR})

if(DYNAVG_SANITIZE)
  add_compile_options(-fsanitize=${DYNAVG_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${DYNAVG_SANITIZE})
  if(DYNAVG_SANITIZE MATCHES "thread")
    # Asio has fences beside its mutexes; the sanitizer knows the mutexes only, and warns.
    add_compile_options(-Wno-tsan)
  endif()
endif()

if(DYNAVG_FUZZ)
  # Counts what an input reaches; tests/fuzz links the fuzzer itself.
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()

# dynavg_library(NAME [PRECOMPILED kind] SOURCES...) makes the static library of one folder.
function(dynavg_library name)
  cmake_parse_arguments(arg "" "PRECOMPILED" "" ${ARGN})
  add_library(${name} STATIC ${arg_UNPARSED_ARGUMENTS})
  target_link_libraries(${name} PUBLIC dynavg_compile)
  if(NOT arg_PRECOMPILED)
    set(arg_PRECOMPILED common)
  endif()
  dynavg_precompiled(${name} ${arg_PRECOMPILED})
endfunction()

# dynavg_alone(FILES...) are compiled each by itself, where a preset compiles several files as one
# (CMAKE_UNITY_BUILD): a name in an unnamed namespace of theirs stands in a neighbour, too.
function(dynavg_alone)
  set_source_files_properties(${ARGN} PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
endfunction()
if(CMAKE_UNITY_BUILD AND CMAKE_CXX_COMPILER_ID STREQUAL GNU)
  # It would warn of a class that is private to its file, as the file is included then.
  target_compile_options(dynavg_compile INTERFACE -Wno-subobject-linkage)
endif()
