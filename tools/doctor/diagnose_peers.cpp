// The findings about the way to each peer, and about the way back.
#include <array>
#include <cstdlib>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "daemon/outputs/health.hpp"
#include "discovery/clock_skew.hpp"
#include "discovery/refusal_advice.hpp"
#include "tools/doctor/diagnosis.hpp"

namespace dynavg::doctor {

using control::PeerCheck;
using protocol::FieldDifference;
using protocol::Reach;

namespace {

constexpr const char* kCheck = "peer";

/// The rest of a sentence that begins with an address: the outcome of a dial there.
std::string text_of(Reach reach) {
    switch (reach) {
        case Reach::not_tried:
            return "was not tried";
        case Reach::reached:
            return "is reached";
        case Reach::other_key:
            return "a node answers there, but without that key";
        case Reach::other_program:
            return "something answers there, but not as a node with these settings of [security]";
        case Reach::refused:
            return "the machine is there, but nobody listens at that port";
        case Reach::silent:
            return "nothing comes back";
        case Reach::no_route:
            return "the network has no way there";
        case Reach::no_such_host:
            return "the host's name has no address";
    }
    return "is in an unknown state";
}

/// How to reach the first port of a peer.
std::string fix_towards(Reach reach, const PeerCheck& check) {
    switch (reach) {
        case Reach::other_key:
            return fmt::format(
                "run `dynavg id` there, and write what it prints into [node] peers here; this "
                "file expects the key {}",
                check.key);
        case Reach::other_program:
            return "correct the port in [node] peers, and make [security] insecure the same on "
                   "both sides";
        case Reach::refused:
            return "start dynavgd there, or correct the port in [node] peers; `dynavg doctor` "
                   "there says more";
        case Reach::no_such_host:
            return "correct the name in [node] peers, or make it known (DNS, /etc/hosts)";
        case Reach::no_route:
            return "correct the address in [node] peers, or the routes of this machine (ip route)";
        default:
            break;
    }
    return "switch the machine on, or open TCP to this port and the next two in the firewalls "
           "between";
}

/// How others reach this node where it says that it is.
std::string fix_back(Reach reach, const std::string& own) {
    switch (reach) {
        case Reach::other_key:
        case Reach::other_program:
            return fmt::format(
                "{} leads to another node or program: set [node] advertise here to what leads to "
                "this machine",
                own);
        case Reach::refused:
            return "set [node] advertise here to an address and port that lead to this machine's "
                   "[node] bind, which must not be a loopback address where peers are elsewhere";
        case Reach::no_such_host:
            return "set [node] advertise here to a name that peers know, or to an address";
        default:
            break;
    }
    return "set [node] advertise here to an address that peers can reach, and open TCP to this "
           "port and the next two towards this machine";
}

std::string fix_of(const FieldDifference& difference) {
    const std::string& field = difference.field;
    if (field == "network") {
        return fmt::format(
            "set [node] network = \"{}\" here, or take that peer out of [node] peers",
            difference.theirs);
    }
    if (field == "protocol.version") return "update dynavg where it is older";
    if (field == "node.advertise") return "set [node] advertise to HOST:PORT there";
    if (field == discovery::kKeyField || field == discovery::kNameField) {
        return discovery::duplicate_advice(field == discovery::kKeyField);
    }
    if (field == "averaging") {
        return "write [averaging] into the configuration of one of the two";
    }
    if (field.starts_with("averaging.")) {
        return fmt::format(
            "remove the table [averaging] here, to take the network's, or set {} = {} in it",
            field.substr(field.find('.') + 1), difference.theirs);
    }
    if (field == "model") {
        return fmt::format("set [model] builtin = \"{}\" here", difference.theirs);
    }
    return "make [model] and [data] source the same on both sides";
}

Finding failure(std::string where, std::string what, std::string fix) {
    return {Level::failure, kCheck, std::move(where), std::move(what), std::move(fix)};
}

/// The way there; empty: it is sound.
std::vector<Finding> faults_towards(const PeerCheck& check, const std::string& own_key) {
    if (check.direct != Reach::reached) {
        return {failure(check.address, text_of(check.direct), fix_towards(check.direct, check))};
    }
    if (!check.admitted) {
        return {failure(check.address,
                        "it does not let this node in: it does not trust this node's key",
                        fmt::format("run there: dynavg trust {}", own_key))};
    }
    if (!check.answered) {
        return {failure(check.address,
                        "it lets this node in, but does not answer: it is overloaded, or of "
                        "another version",
                        "compare `dynavg --version` on both sides, then `dynavg doctor` there")};
    }
    std::vector<Finding> faults;
    const std::array<std::pair<const std::string*, Reach>, 2> doors{
        {{&check.gossip, check.gossip_reach}, {&check.bulk, check.bulk_reach}}};
    for (const auto& [address, reach] : doors) {
        if (reach == Reach::reached) continue;
        faults.push_back(failure(fmt::format("{} at {}", check.name, *address), text_of(reach),
                                 "open TCP to this port, too: a node needs three, one after the "
                                 "other; or correct [node] advertise there"));
    }
    return faults;
}

/// The way back; empty: it is sound.
std::vector<Finding> faults_back(const PeerCheck& check, const protocol::Endpoints& own) {
    const std::array<std::pair<const std::string*, Reach>, 3> doors{
        {{&own.direct, check.back.direct},
         {&own.gossip, check.back.gossip},
         {&own.bulk, check.back.bulk}}};
    const auto where = [&](const std::string& address) {
        return fmt::format("from {} to {}", check.name, address);
    };
    const Reach direct = check.back.direct;
    if (direct == Reach::not_tried) {
        return {{Level::warning, kCheck, where(own.direct),
                 "was not tried: that peer was asked for it a moment ago",
                 "run this again in a second"}};
    }
    std::vector<Finding> faults;
    if (direct != Reach::reached && direct == check.back.gossip && direct == check.back.bulk) {
        const std::string all = own.direct + " and the two others";
        faults.push_back(failure(where(all), text_of(direct), fix_back(direct, own.direct)));
        return faults;
    }
    for (const auto& [address, reach] : doors) {
        if (reach == Reach::reached) continue;
        faults.push_back(failure(where(*address), text_of(reach), fix_back(reach, *address)));
    }
    return faults;
}

void append(std::vector<Finding>& to, std::vector<Finding> more) {
    to.insert(to.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
}

std::vector<Finding> diagnose_peer(const PeerCheck& check, const PeersFacts& facts) {
    if (check.is_self) {
        return {{Level::ok, kCheck, check.address, "is this node itself", ""}};
    }
    std::vector<Finding> findings;
    if (!check.is_trusted) {
        findings.push_back(failure(check.address, "its key was revoked here: it is not let in",
                                   "dynavg trust " + check.key));
    }
    append(findings, faults_towards(check, facts.own_key));
    if (!check.answered) return findings;
    append(findings, faults_back(check, facts.checks.endpoints));
    for (const FieldDifference& difference : check.differences) {
        findings.push_back(
            {Level::failure, "settings", difference.field,
             fmt::format("{} has {}, this node {}", check.name, difference.theirs, difference.ours),
             fix_of(difference)});
    }
    if (findings.empty()) {
        findings.push_back({Level::ok, kCheck, check.address,
                            fmt::format("{}: reached and let in in both directions, its settings "
                                        "are the same",
                                        check.name),
                            ""});
    }
    return findings;
}

std::optional<Finding> diagnose_clock(const std::vector<PeerCheck>& checks) {
    std::vector<discovery::ClockOffset> offsets;
    for (const PeerCheck& check : checks) {
        if (check.answered && !check.is_self) offsets.push_back(check.clock_offset_ms);
    }
    const auto skew = discovery::clock_skew(std::move(offsets));
    if (!skew) return std::nullopt;
    if (discovery::is_clock_skewed(*skew)) {
        return Finding{Level::warning, "clock", "this machine", daemon::clock_text(*skew),
                       daemon::kClockFix};
    }
    return Finding{Level::ok, "clock", "this machine",
                   fmt::format("{} ms from the median of the peers' clocks", std::abs(*skew)), ""};
}

}  // namespace

std::vector<Finding> diagnose_peers(const PeersFacts& peers) {
    if (!peers.not_checked.empty()) {
        return {{Level::warning, kCheck, "[node] peers", "not tried: " + peers.not_checked,
                 "mend what is named above, then run this again"}};
    }
    const std::vector<PeerCheck>& checks = peers.checks.peers;
    if (checks.empty()) {
        return {{Level::ok, kCheck, "[node] peers",
                 "names nobody: this node waits for others to dial it", ""}};
    }
    std::vector<Finding> findings;
    for (const PeerCheck& check : checks) append(findings, diagnose_peer(check, peers));
    if (auto clock = diagnose_clock(checks)) findings.push_back(std::move(*clock));
    return findings;
}

}  // namespace dynavg::doctor
