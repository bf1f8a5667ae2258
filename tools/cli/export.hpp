#pragma once

namespace dynavg::cli {

/// dynavg-export, from its arguments to its exit code. Exceptions come out.
[[nodiscard]] int export_main(int argc, char** argv);

}  // namespace dynavg::cli
