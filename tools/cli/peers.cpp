#include <cstdio>
#include <memory>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "control/replies.hpp"
#include "tools/cli/ask_daemon.hpp"
#include "tools/cli/table.hpp"
#include "tools/cli/units.hpp"
#include "tools/cli/verb.hpp"

namespace dynavg::cli {

namespace {

constexpr std::size_t kDigestDigitsShown = 8;

TableRow row_of(const control::PeerStatus& peer) {
    return {peer.name,
            peer.peer,
            peer.address,
            fmt::format("{}", peer.order),
            fmt::format("{}{}", peer.live ? "live" : "silent",
                        peer.role == "observer" ? " observer" : ""),
            fmt::format("{} {}", peer.epoch, peer.digest.substr(0, kDigestDigitsShown)),
            grouped(peer.steps),
            fmt::format("{:.1f} ms", peer.step_time_ms),
            duration_text(static_cast<double>(peer.last_heard_ms) / 1000) + " ago"};
}

void print(const control::PeersReply& reply) {
    if (reply.peers.empty()) {
        fmt::print("No other peer is known. Check [node] peers, and that one of them runs.\n");
        return;
    }
    std::vector<TableRow> rows{
        {"NAME", "PEER", "ADDRESS", "ORDER", "STATE", "REFERENCE", "STEPS", "STEP TIME", "HEARD"}};
    for (const control::PeerStatus& peer : reply.peers) rows.push_back(row_of(peer));
    std::fputs(table_text(rows).c_str(), stdout);
}

ExitCode run(const DaemonOptions& options) {
    const auto reply = ask_daemon(options, control::request("peers"));
    if (!reply) return reply.error();
    const auto peers = control::peers_from(*reply);
    if (!peers) {
        complain(peers.error().message);
        return ExitCode::failed;
    }
    if (options.json) {
        std::fputs(control::to_line(*reply).c_str(), stdout);
    } else {
        print(*peers);
    }
    return ExitCode::done;
}

}  // namespace

void add_peers(CLI::App& app, ExitCode& result) {
    CLI::App* verb = app.add_subcommand("peers", "The other peers that the daemon knows");
    const auto options = std::make_shared<DaemonOptions>();
    add_daemon_options(*verb, *options);
    verb->footer("Example:\n  dynavg peers --json");
    verb->callback([options, &result] { result = run(*options); });
}

}  // namespace dynavg::cli
