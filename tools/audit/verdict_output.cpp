#include "tools/audit/verdict_output.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <set>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "control/escape.hpp"
#include "control/units.hpp"

namespace dynavg::audit {

namespace {

using control::bytes_text;
using control::escaped;
using Json = nlohmann::json;

/// Further ones are counted; `--json` has them all.
constexpr std::size_t kDisputesShownMax = 20;
constexpr std::size_t kRangesShownMax = 20;

constexpr std::size_t kColumns = 9;
using Row = std::array<std::string, kColumns>;

std::string text_of(const EpochRange& range) {
    return range.first == range.last ? fmt::format("{}", range.first)
                                     : fmt::format("{}-{}", range.first, range.last);
}

std::string text_of(const std::vector<EpochRange>& ranges) {
    std::string text;
    for (std::size_t i = 0; i < std::min(ranges.size(), kRangesShownMax); ++i) {
        text += (i == 0 ? "" : ", ") + text_of(ranges[i]);
    }
    if (ranges.size() > kRangesShownMax) {
        text += fmt::format(" and {} more stretches", ranges.size() - kRangesShownMax);
    }
    return text;
}

std::string list_of(const std::vector<std::string>& texts) {
    return escaped(fmt::format("{}", fmt::join(texts, ", ")));
}

/// Milliseconds of a mean round, "-" without any.
std::string mean_text(std::uint64_t milliseconds, std::uint64_t rounds) {
    if (rounds == 0) return "-";
    return fmt::format("{} ms", (milliseconds + rounds / 2) / rounds);
}

Row row_of(const NodeRecord& node, const std::string& epochs) {
    return {escaped(node.name),
            node.peer_ids.empty() ? "-" : escaped(fmt::format("{}", fmt::join(node.peer_ids, ","))),
            fmt::format("{}", node.rounds),
            fmt::format("{}", node.adoptions),
            fmt::format("{}", node.starts),
            epochs,
            bytes_text(node.bytes_monitoring),
            bytes_text(node.bytes_sent),
            mean_text(node.duration_ms, node.rounds)};
}

NodeRecord sum_of(const NetworkVerdict& verdict) {
    NodeRecord sum{.name = "all", .peer_ids = {}};
    for (const NodeVerdict& node : verdict.nodes) {
        sum.rounds += node.record.rounds;
        sum.adoptions += node.record.adoptions;
        sum.starts += node.record.starts;
        sum.bytes_sent += node.record.bytes_sent;
        sum.bytes_received += node.record.bytes_received;
        sum.bytes_monitoring += node.record.bytes_monitoring;
        sum.duration_ms += node.record.duration_ms;
    }
    return sum;
}

std::string table_of(const NetworkVerdict& verdict) {
    std::vector<Row> rows{{"NODE", "PEER", "ROUNDS", "ADOPTED", "STARTS", "EPOCHS",
                           "MONITORING SENT", "AVERAGING SENT", "MEAN ROUND"}};
    for (const NodeVerdict& node : verdict.nodes) {
        rows.push_back(row_of(node.record, text_of(node.epochs)));
    }
    rows.push_back(row_of(sum_of(verdict), text_of(verdict.epochs)));
    std::array<std::size_t, kColumns> widths{};
    for (const Row& row : rows) {
        for (std::size_t i = 0; i < kColumns; ++i) {
            widths[i] = std::max(widths[i], control::characters(row[i]));
        }
    }
    std::string text;
    for (const Row& row : rows) {
        for (std::size_t i = 0; i < kColumns; ++i) {
            text += row[i];
            if (i + 1 < kColumns) text.append(widths[i] + 2 - control::characters(row[i]), ' ');
        }
        text += '\n';
    }
    return text;
}

std::string_view name_of(DisputeKind kind) {
    switch (kind) {
        case DisputeKind::digest:
            return "digest";
        case DisputeKind::participants:
            return "participants";
        case DisputeKind::threshold:
            return "threshold";
    }
    return "unknown";
}

std::string text_of(const Dispute& dispute) {
    std::string text =
        fmt::format("epoch {}: different {}\n", dispute.epoch,
                    dispute.kind == DisputeKind::digest      ? "references"
                    : dispute.kind == DisputeKind::threshold ? "thresholds of one round"
                                                             : "participants of one round");
    for (const Side& side : dispute.sides) {
        text += fmt::format("  {}  {}", side.digest.hex(), list_of(side.nodes));
        if (side.threshold) text += fmt::format("; threshold {}", *side.threshold);
        text += side.participants ? fmt::format("; round of {}", list_of(*side.participants))
                                  : std::string("; adopted");
        text += '\n';
    }
    return text;
}

/// Facts that do not decide, and that an operator wants to know.
std::string notes_of(const NetworkVerdict& verdict) {
    std::string text;
    for (const MissingPeer& peer : verdict.missing) {
        text += fmt::format("missing: {} at {} of {} epochs: {}\n", escaped(peer.peer), peer.rounds,
                            verdict.references, text_of(peer.epochs));
    }
    for (const NodeVerdict& node : verdict.nodes) {
        const std::string name = escaped(node.record.name);
        if (!node.gaps.empty()) {
            text += fmt::format(
                "gap: the logs of {} lack epochs {}; rotated away, or not among these files\n",
                name, text_of(node.gaps));
        }
        if (node.record.lines_lost > 0) {
            text += fmt::format("gap: {} could not write {} lines of its log\n", name,
                                node.record.lines_lost);
        }
        if (node.record.peer_ids.size() > 1) {
            text += fmt::format("names: {} is the name of {} peers, which count as one node here\n",
                                name, node.record.peer_ids.size());
        }
    }
    if (!verdict.without_log.empty()) {
        text += fmt::format("no log: of participants {}\n", list_of(verdict.without_log));
    }
    if (!verdict.forks.empty()) {
        text += fmt::format("fork: the network was parted at epochs {}, and its parts went on\n",
                            text_of(verdict.forks));
    }
    if (verdict.merges > 0) text += fmt::format("merges: {}\n", verdict.merges);
    return text;
}

std::string outcome_of(const NetworkVerdict& verdict) {
    if (verdict.is_empty()) {
        return fmt::format(
            "NOTHING TO COMPARE: no epoch is told by two nodes; {}\n",
            verdict.references == 0
                ? "no round was committed. Rounds at every step are in the log at --log-level debug"
                : "give the logs of more nodes");
    }
    const std::string compared =
        verdict.compared == verdict.references
            ? fmt::format("all {} epochs", verdict.references)
            : fmt::format("{} of {} epochs, the others are told by one node only", verdict.compared,
                          verdict.references);
    if (verdict.agreed()) {
        return fmt::format("AGREED: {} nodes, {}\n", verdict.nodes.size(), compared);
    }
    std::set<std::uint64_t> epochs;
    for (const Dispute& dispute : verdict.disputes) epochs.insert(dispute.epoch);
    return fmt::format(
        "DISAGREED: at {} of {} epochs: {}. If the network was begun anew in between, give only "
        "the logs since then\n",
        epochs.size(), verdict.references, text_of(ranges_of(epochs)));
}

Json json_of(const std::vector<EpochRange>& ranges) {
    Json list = Json::array();
    for (const EpochRange& range : ranges) list.push_back({range.first, range.last});
    return list;
}

Json json_of(const Dispute& dispute) {
    Json sides = Json::array();
    for (const Side& side : dispute.sides) {
        Json one{{"digest", side.digest.hex()}, {"nodes", side.nodes}};
        if (side.participants) one["participants"] = *side.participants;
        if (side.threshold) one["threshold"] = *side.threshold;
        sides.push_back(std::move(one));
    }
    return {{"epoch", dispute.epoch}, {"kind", name_of(dispute.kind)}, {"sides", sides}};
}

Json json_of(const NodeRecord& node) {
    Json one{{"rounds", node.rounds},         {"adopted", node.adoptions},
             {"starts", node.starts},         {"bytes_monitoring", node.bytes_monitoring},
             {"bytes_sent", node.bytes_sent}, {"bytes_received", node.bytes_received},
             {"mean_round_ms", nullptr}};
    if (node.rounds > 0) {
        one["mean_round_ms"] =
            static_cast<double>(node.duration_ms) / static_cast<double>(node.rounds);
    }
    return one;
}

}  // namespace

std::string text_of(const NetworkVerdict& verdict) {
    std::string text = fmt::format("network {}: {} nodes, {} rounds\n", escaped(verdict.name),
                                   verdict.nodes.size(), verdict.rounds);
    if (!verdict.nodes.empty()) text += table_of(verdict);
    text += notes_of(verdict);
    for (std::size_t i = 0; i < std::min(verdict.disputes.size(), kDisputesShownMax); ++i) {
        text += text_of(verdict.disputes[i]);
    }
    if (verdict.disputes.size() > kDisputesShownMax) {
        text += fmt::format("and {} more; --json has all\n",
                            verdict.disputes.size() - kDisputesShownMax);
    }
    return text + outcome_of(verdict);
}

Json to_json(const NetworkVerdict& verdict) {
    Json nodes = Json::array();
    for (const NodeVerdict& node : verdict.nodes) {
        Json one = json_of(node.record);
        one["node"] = node.record.name;
        one["peer_ids"] = node.record.peer_ids;
        one["epochs"] = {node.epochs.first, node.epochs.last};
        one["gaps"] = json_of(node.gaps);
        one["lines_lost"] = node.record.lines_lost;
        nodes.push_back(std::move(one));
    }
    Json disputes = Json::array();
    for (const Dispute& dispute : verdict.disputes) disputes.push_back(json_of(dispute));
    Json missing = Json::array();
    for (const MissingPeer& peer : verdict.missing) {
        missing.push_back(
            {{"peer", peer.peer}, {"rounds", peer.rounds}, {"epochs", json_of(peer.epochs)}});
    }
    const char* const outcome = verdict.is_empty() ? "nothing-to-compare"
                                : verdict.agreed() ? "agreed"
                                                   : "disagreed";
    return {{"network", verdict.name},
            {"verdict", outcome},
            {"nodes", nodes},
            {"total", json_of(sum_of(verdict))},
            {"epochs", {verdict.epochs.first, verdict.epochs.last}},
            {"references", verdict.references},
            {"compared", verdict.compared},
            {"rounds", verdict.rounds},
            {"disagreements", disputes},
            {"forks", json_of(verdict.forks)},
            {"merges", verdict.merges},
            {"missing", missing},
            {"without_log", verdict.without_log}};
}

}  // namespace dynavg::audit
