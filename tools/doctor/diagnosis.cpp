#include "tools/doctor/diagnosis.hpp"

#include <algorithm>
#include <iterator>

#include <fmt/format.h>

#include "protocol/base/check.hpp"

namespace dynavg::doctor {

namespace {

constexpr std::uint32_t kOthersMay = 077;
constexpr std::uint32_t kOthersMayWrite = 022;

void append(std::vector<Finding>& to, std::vector<Finding> more) {
    std::move(more.begin(), more.end(), std::back_inserter(to));
}

Finding ok(std::string check, std::string where, std::string what) {
    return {Level::ok, std::move(check), std::move(where), std::move(what), ""};
}

/// Empty: it is as it should be.
std::vector<Finding> file_faults(const PrivateFileFacts& file, const std::string& owner) {
    if (!file.unreadable.empty()) {
        return {{Level::failure, "keys", file.path, "cannot be looked at: " + file.unreadable,
                 "run this with sudo, or as the daemon's user"}};
    }
    std::vector<Finding> faults;
    if ((file.mode & kOthersMay) != 0) {
        faults.push_back({Level::failure, "keys", file.path,
                          fmt::format("others than its owner can use it (mode {:04o}): the daemon "
                                      "refuses to start with it",
                                      file.mode),
                          fmt::format("chmod 600 {0}; if a stranger may have read it, remove it: a "
                                      "new one is made",
                                      file.path)});
    }
    if (file.owner != owner) {
        faults.push_back({Level::failure, "keys", file.path,
                          fmt::format("belongs to {}, and its folder to {}: the daemon cannot read "
                                      "it",
                                      file.owner, owner),
                          fmt::format("chown {} {}", owner, file.path)});
    }
    return faults;
}

std::string megabytes(std::uint64_t bytes) {
    return fmt::format("{} MB", (bytes + 999'999) / 1'000'000);
}

}  // namespace

std::vector<Finding> diagnose_configuration(const std::string& file, std::string_view problems) {
    std::vector<Finding> findings;
    while (!problems.empty()) {
        const std::size_t end = std::min(problems.find('\n'), problems.size());
        findings.push_back({Level::failure, "config", file, std::string(problems.substr(0, end)),
                            "correct that line; the others are checked once the file is valid"});
        problems.remove_prefix(std::min(end + 1, problems.size()));
    }
    return findings;
}

std::vector<Finding> diagnose_daemon(const DaemonFacts& daemon) {
    if (!daemon.answers) {
        return {{Level::warning, "daemon", daemon.socket,
                 daemon.no_answer + ": this node is looked at without it",
                 "if it should run: systemctl start dynavgd; if it runs, name its socket with "
                 "--control"}};
    }
    std::vector<Finding> findings;
    findings.push_back(ok("daemon", daemon.socket,
                          fmt::format("node {} of network {}, version {}, pid {}", daemon.node,
                                      daemon.network, daemon.version, daemon.pid)));
    if (daemon.version != daemon.own_version) {
        findings.push_back({Level::warning, "daemon", daemon.socket,
                            fmt::format("the daemon is of version {}, this tool of {}",
                                        daemon.version, daemon.own_version),
                            "systemctl restart dynavgd"});
    }
    for (const control::HealthFinding& health : daemon.health) {
        findings.push_back({Level::warning, "health", health.name, health.message,
                            "dynavg status tells once it is over"});
    }
    return findings;
}

std::vector<Finding> diagnose_keys(const KeyFacts& keys) {
    if (!keys.wanted) {
        return {{Level::warning, "keys", "[security] insecure",
                 "connections are neither encrypted nor authenticated",
                 "for more than one machine remove that line, and write KEY@ before each peer"}};
    }
    DYNAVG_CHECK(!keys.files.empty());
    const PrivateFileFacts& folder = keys.folder;
    const PrivateFileFacts& key = keys.files.front();
    std::vector<Finding> findings;
    if (folder.exists && folder.unreadable.empty() && (folder.mode & kOthersMayWrite) != 0) {
        findings.push_back(
            {Level::failure, "keys", folder.path,
             fmt::format("others than its owner can put files there (mode {:04o})", folder.mode),
             fmt::format("chmod go-w {}", folder.path)});
    }
    if (!key.exists && key.unreadable.empty()) {
        findings.push_back({Level::warning, "keys", key.path,
                            "is not there: this node has no key yet, and no peer knows it",
                            "dynavg keygen; the first start makes one, too"});
        return findings;
    }
    for (const PrivateFileFacts& file : keys.files) {
        if (file.exists || !file.unreadable.empty()) {
            append(findings, file_faults(file, folder.owner));
        }
    }
    if (findings.empty() && !keys.error.empty()) {
        findings.push_back({Level::failure, "keys", key.path, keys.error,
                            "restore it from a backup; without one: remove it, and be a new peer"});
    }
    if (findings.empty()) {
        findings.push_back(ok("keys", key.path,
                              fmt::format("mode {:04o}, of {}; the public key is {}", key.mode,
                                          key.owner, keys.own_key)));
    }
    return findings;
}

Finding diagnose_disk(const DiskFacts& disk) {
    if (!disk.free) {
        return {Level::warning, "disk", disk.path, "the system does not tell how much room it has",
                "mkdir it, or run this with sudo"};
    }
    if (!disk.wanted) {
        return ok("disk", disk.path, fmt::format("{} are free", megabytes(*disk.free)));
    }
    if (*disk.free < *disk.wanted) {
        return {Level::failure, "disk", disk.path,
                fmt::format("{} are free, and the next files take up to {}", megabytes(*disk.free),
                            megabytes(*disk.wanted)),
                "make room, or set [node] state_dir to a larger disk"};
    }
    return ok("disk", disk.path,
              fmt::format("{} are free, the next files take up to {}", megabytes(*disk.free),
                          megabytes(*disk.wanted)));
}

Finding diagnose_port(const PortFacts& port, const DaemonFacts& daemon) {
    const std::string where = fmt::format("{} ({})", port.address, port.use);
    if (port.is_ours) return ok("ports", where, fmt::format("held by dynavgd, pid {}", daemon.pid));
    if (port.is_free && daemon.answers) {
        return {Level::warning, "ports", where,
                "the running daemon does not listen there: bind was changed since its start",
                "systemctl restart dynavgd"};
    }
    if (port.is_free) return ok("ports", where, "free");
    if (port.in_use) {
        const std::string holder =
            port.holder.empty() ? "another program (sudo dynavg doctor names it)" : port.holder;
        return {Level::failure, "ports", where, "held by " + holder,
                "stop that, or set [node] bind to a port that is free with the next two; then "
                "[node] advertise and the others' [node] peers, too"};
    }
    return {Level::failure, "ports", where, "cannot be bound: " + port.error,
            "set [node] bind to an address of this machine, and a port from 1024 on"};
}

std::vector<Finding> diagnose_learning(const LearningFacts& learning) {
    std::vector<Finding> findings;
    if (!learning.data_error.empty()) {
        findings.push_back({Level::failure, "data", learning.data_where,
                            fmt::format("{} (read as {})", learning.data_error, learning.read_as),
                            fmt::format("correct [data] path, or make the files readable for {}",
                                        learning.read_as)});
    } else if (learning.data_shape != learning.model_shape) {
        findings.push_back({Level::failure, "data", learning.data_where,
                            fmt::format("images of {}, and the model takes {}", learning.data_shape,
                                        learning.model_shape),
                            "correct [data] source and path, or choose another [model] builtin"});
    } else {
        findings.push_back(ok("data", learning.data_where,
                              fmt::format("{} samples of {}, read as {}", learning.samples,
                                          learning.data_shape, learning.read_as)));
    }
    if (!learning.model_error.empty()) {
        findings.push_back({Level::failure, "model", learning.model, learning.model_error,
                            "correct [model] in the configuration"});
    } else {
        findings.push_back(
            ok("model", learning.model, fmt::format("{} parameters", learning.parameters)));
    }
    return findings;
}

Finding diagnose_blas(const BlasFacts& blas) {
    switch (blas.kind) {
        case Blas::reference:
            return {Level::warning, "blas", blas.path,
                    "the reference BLAS: training takes twice as long as it needs to",
                    "apt install libopenblas0-pthread, then restart the daemon; if it is there: "
                    "update-alternatives --config libblas.so.3-$(dpkg-architecture "
                    "-qDEB_HOST_MULTIARCH)"};
        case Blas::none:
            return {Level::warning, "blas", "LibTorch", "no BLAS library was found beside it",
                    "apt install libopenblas0-pthread"};
        case Blas::openblas:
            return ok("blas", blas.path, "OpenBLAS");
        case Blas::other:
            break;
    }
    return ok("blas", blas.path, "not the reference BLAS");
}

BlasFacts blas_of(const std::vector<std::string>& libraries) {
    const auto file_name = [](const std::string& path) { return path.substr(path.rfind('/') + 1); };
    BlasFacts found;
    for (const std::string& path : libraries) {
        const std::string name = file_name(path);
        const bool is_open = path.find("openblas") != std::string::npos;
        const bool is_blas = name.starts_with("libblas.so") || name.starts_with("libmkl_rt") ||
                             name.starts_with("libblis") || is_open;
        if (!is_blas) continue;
        // LibTorch calls libblas.so.3, whichever package provides it: that one decides.
        const bool decides = name.starts_with("libblas.so");
        if (found.kind != Blas::none && !decides) continue;
        // Debian's reference BLAS is .../blas/libblas.so.3.
        const bool plain = decides && !is_open && path.find("mkl") == std::string::npos &&
                           path.find("blis") == std::string::npos &&
                           path.find("atlas") == std::string::npos;
        found = {is_open ? Blas::openblas : plain ? Blas::reference : Blas::other, path};
        if (decides) return found;
    }
    return found;
}

std::vector<Finding> diagnose(const Facts& facts) {
    std::vector<Finding> findings{ok("config", facts.config_file, "valid")};
    append(findings, diagnose_daemon(facts.daemon));
    append(findings, diagnose_keys(facts.keys));
    findings.push_back(diagnose_disk(facts.disk));
    for (const PortFacts& port : facts.ports) {
        findings.push_back(diagnose_port(port, facts.daemon));
    }
    if (facts.ports.empty()) findings.push_back(ok("ports", "[node] bind", "any that are free"));
    if (facts.learning) append(findings, diagnose_learning(*facts.learning));
    findings.push_back(diagnose_blas(facts.blas));
    append(findings, diagnose_peers(facts.peers));
    return findings;
}

}  // namespace dynavg::doctor
