#pragma once

#include <string>

#include "tools/cli/verb.hpp"

namespace dynavg::cli {

/// Becomes the program dynavg-VERB with these arguments (argv[0] is replaced, the last is null):
/// verbs that train are programs of their own, so that `dynavg` starts without LibTorch. It is
/// looked for beside this program and in ../libexec/dynavg. Returns only if that fails.
ExitCode run_helper(const std::string& verb, char** arguments);

}  // namespace dynavg::cli
