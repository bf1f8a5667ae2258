# Fails if PROGRAM needs LibTorch or ZeroMQ, through other libraries too.
file(GET_RUNTIME_DEPENDENCIES
  EXECUTABLES ${PROGRAM}
  RESOLVED_DEPENDENCIES_VAR resolved
  UNRESOLVED_DEPENDENCIES_VAR unresolved)
if(NOT resolved MATCHES "libstdc")
  message(FATAL_ERROR "The dependencies of ${PROGRAM} can't be read: ${resolved}")
endif()
foreach(library IN LISTS resolved unresolved)
  if(library MATCHES "torch|c10|zmq")
    message(FATAL_ERROR "${PROGRAM} needs ${library}; it should start without it")
  endif()
endforeach()
