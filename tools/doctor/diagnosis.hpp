#pragma once

#include <string_view>
#include <vector>

#include "tools/doctor/facts.hpp"
#include "tools/doctor/finding.hpp"

namespace dynavg::doctor {

/// Of a file that is not valid: each problem, as `dynavg check-config` tells them.
[[nodiscard]] std::vector<Finding> diagnose_configuration(const std::string& file,
                                                          std::string_view problems);

/// The findings, good and bad, with the fix for each fault: about the configuration, this machine,
/// then the network. Pure. Every check has at least one finding.
[[nodiscard]] std::vector<Finding> diagnose(const Facts& facts);

/// Of the files of the libraries that a process has loaded.
[[nodiscard]] BlasFacts blas_of(const std::vector<std::string>& libraries);

// The parts.
[[nodiscard]] std::vector<Finding> diagnose_daemon(const DaemonFacts& daemon);
[[nodiscard]] std::vector<Finding> diagnose_keys(const KeyFacts& keys);
[[nodiscard]] Finding diagnose_disk(const DiskFacts& disk);
[[nodiscard]] Finding diagnose_port(const PortFacts& port, const DaemonFacts& daemon);
[[nodiscard]] std::vector<Finding> diagnose_learning(const LearningFacts& learning);
[[nodiscard]] Finding diagnose_blas(const BlasFacts& blas);
/// diagnose_peers.cpp
[[nodiscard]] std::vector<Finding> diagnose_peers(const PeersFacts& peers);

}  // namespace dynavg::doctor
