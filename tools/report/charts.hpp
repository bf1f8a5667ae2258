#pragma once

#include <optional>
#include <string>
#include <vector>

#include "tools/report/chart.hpp"
#include "tools/report/groups.hpp"

namespace dynavg::report {

/// Accuracy against the bytes by the papers' formula, against the bytes on the wire, and against
/// steps: a curve per run, in the colour of its group.
[[nodiscard]] std::vector<Chart> accuracy_charts(const std::vector<Group>& groups);

/// The cost of the target, a point per run that reached it: steps against bytes by the papers'
/// formula, and against bytes on the wire. Empty if no run did.
[[nodiscard]] std::vector<Chart> target_charts(const std::vector<Group>& groups);

/// The bytes that a peer sends, against the number of peers: for averaging and overhead
/// per round, for monitoring per step; medians of runs that differ in peers and seeds only. Nothing
/// if no such runs have different numbers of peers.
[[nodiscard]] std::optional<Chart> growth_chart(const std::vector<Group>& groups);

/// Estimate, exact variance and threshold of a run's rounds against steps. `id` as of a Chart,
/// `label` of its group.
[[nodiscard]] Chart round_chart(const Run& run, const std::string& id, const std::string& label);

/// All bytes by the papers' formula until then: of the rounds, which count alike, and of the
/// monitoring, of which each step has as much. Nothing of a run that is not finished: its size and
/// the bytes of a state are not known.
[[nodiscard]] std::optional<double> paper_bytes_at(const Run& run, const EpochRow& row);

}  // namespace dynavg::report
