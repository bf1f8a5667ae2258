# Everything comes from Debian 12 or 13; scripts/dependencies lists the packages.

find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)
find_package(cereal REQUIRED)
find_package(tl-expected REQUIRED)
find_package(fmt REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(CLI11 REQUIRED)
find_package(Boost 1.74 REQUIRED CONFIG)
pkg_check_modules(xxhash REQUIRED IMPORTED_TARGET libxxhash)
pkg_check_modules(sodium REQUIRED IMPORTED_TARGET libsodium)
pkg_check_modules(zmq REQUIRED IMPORTED_TARGET libzmq)
pkg_check_modules(tomlplusplus REQUIRED IMPORTED_TARGET tomlplusplus)
pkg_check_modules(zlib REQUIRED IMPORTED_TARGET zlib)
pkg_check_modules(systemd REQUIRED IMPORTED_TARGET libsystemd)

if(DYNAVG_TRAINING)
  # Debian's LibTorch is made without kineto, of which TorchConfig.cmake of version 2 would warn at each
  # build: where a library has a name already, it does not look for it.
  set(kineto_LIBRARY torch)
  find_package(Torch REQUIRED)
  # LibTorch's own interface flags would reach every file that includes it; system headers do not warn.
  add_library(dynavg_torch INTERFACE)
  target_include_directories(dynavg_torch SYSTEM INTERFACE ${TORCH_INCLUDE_DIRS})
  target_link_libraries(dynavg_torch INTERFACE ${TORCH_LIBRARIES})
endif()
