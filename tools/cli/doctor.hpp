#pragma once

namespace dynavg::cli {

/// `dynavg doctor`, which is the program dynavg-doctor: it reads the data and makes the model as
/// the daemon does, for which it needs LibTorch, and dials peers, for which it needs ZeroMQ.
/// Returns the exit code.
int doctor_main(int argc, char** argv);

}  // namespace dynavg::cli
