#include "storage/restore.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "protocol/base/check.hpp"

namespace dynavg::storage {

using protocol::Epoch;
using protocol::HistoryEntry;
using protocol::Incarnation;
using protocol::LocalRecord;
using protocol::Reference;
using protocol::Unspent;

namespace {

Incarnation above_former_lives(const Found& found, const protocol::Member& self) {
    Incarnation incarnation = self.incarnation;
    const auto rise = [&incarnation](Incarnation former) {
        incarnation = std::max(incarnation, former.next());
    };
    const auto rise_above = [&](const protocol::Roster& roster) {
        for (const protocol::Member& member : roster) {
            if (member.id == self.id) rise(member.incarnation);
        }
    };
    if (found.promise) rise(found.promise->incarnation);
    if (found.local) rise(found.local->incarnation);
    if (found.prepared) rise_above(found.prepared->prepared.roster);
    for (const HistoryEntry& entry : found.history) rise_above(entry.roster);
    return incarnation;
}

/// Entries of the epochs after the one that `since` is of; none if that is of another past, or of
/// one that is forgotten.
std::optional<std::vector<HistoryEntry>> entries_after(const std::vector<HistoryEntry>& history,
                                                       const protocol::ReferenceId& since) {
    const auto own = std::find_if(history.begin(), history.end(), [&](const HistoryEntry& entry) {
        return entry.reference == since;
    });
    if (own == history.end()) return std::nullopt;
    return std::vector<HistoryEntry>(std::next(own), history.end());
}

/// The part of the drift on disk that is in no reference up to the one found.
Unspent unspent_of(const Found& found, const protocol::Member& self) {
    const LocalRecord& local = *found.local;
    if (found.fell_back) return Unspent::nothing;
    const auto later = entries_after(found.history, local.reference);
    if (!later) return Unspent::nothing;
    return protocol::unspent_of(local.reference.epoch, local.frozen_for, *later, self);
}

bool all_finite(std::span<const float> values) {
    return std::all_of(values.begin(), values.end(), [](float v) { return std::isfinite(v); });
}

/// reference + drift, then the buffers.
std::vector<float> values_at(const Reference& reference, std::span<const float> drift,
                             std::span<const float> buffers) {
    std::vector<float> values = reference.values;
    for (std::size_t i = 0; i < drift.size(); ++i) values[i] += drift[i];
    std::copy(buffers.begin(), buffers.end(),
              values.begin() + static_cast<std::ptrdiff_t>(reference.parameters));
    return values;
}

/// ||values - reference||^2 of the parameters, rounded up to float as in a local state.
float squared_norm_rounded_up(const Reference& reference, std::span<const float> values) {
    double sum = 0;
    for (std::size_t i = 0; i < reference.parameters; ++i) {
        const double u = static_cast<double>(values[i]) - static_cast<double>(reference.values[i]);
        sum += u * u;
    }
    const auto nearest = static_cast<float>(sum);
    if (static_cast<double>(nearest) >= sum) return nearest;
    return std::nextafter(nearest, std::numeric_limits<float>::infinity());
}

protocol::ContributionPointer make_given(const Reference& reference, Epoch target,
                                         std::vector<float> values, std::uint64_t steps,
                                         float weight) {
    auto given = std::make_shared<protocol::Contribution>();
    given->target = target;
    given->facts.steps = steps;
    given->facts.weight = steps > 0 ? weight : 0.0F;
    given->facts.squared_norm = squared_norm_rounded_up(reference, values);
    given->values = std::move(values);
    return given;
}

/// The epoch that an earlier life may have given something to without seeing its end; none if its
/// promise says that it has not spoken in a round since the reference.
std::optional<Epoch> target_of_earlier_life(const Found& found) {
    const Epoch reference = found.reference->id.epoch;
    if (!found.promise || found.forgot || found.fell_back) return reference.next();
    if (found.promise->target <= reference) return std::nullopt;
    return found.promise->target;
}

/// Fills in what is kept of the drift, of which `kept` says which part.
void keep_drift(const Found& found, Unspent kept, float weight, Restart& restart) {
    const LocalRecord& local = *found.local;
    const Reference& reference = *found.reference;
    const bool same_reference = local.reference == reference.id;
    std::vector<float> drift = local.drift;
    restart.steps_since_reference = local.steps_since_reference;
    if (kept == Unspent::after_freeze) {
        for (std::size_t i = 0; i < drift.size(); ++i) drift[i] -= local.frozen_drift[i];
        restart.steps_since_reference -= std::min(local.steps_since_reference, local.frozen_steps);
    }
    const auto buffers = same_reference ? std::span<const float>(local.buffers)
                                        : std::span(reference.values).subspan(reference.parameters);
    restart.values = values_at(reference, drift, buffers);
    restart.drift_since = reference.epoch;
    if (kept == Unspent::all && same_reference && local.frozen_for) {
        restart.frozen_for = local.frozen_for;
        restart.given = make_given(reference, *local.frozen_for,
                                   values_at(reference, local.frozen_drift, buffers),
                                   local.frozen_steps, weight);
    } else if (const auto target = target_of_earlier_life(found)) {
        restart.given =
            make_given(reference, *target, restart.values, restart.steps_since_reference, weight);
    }
}

}  // namespace

Restart make_restart(const Found& found, protocol::Member self, float weight) {
    Restart restart;
    self.incarnation = restart.incarnation = above_former_lives(found, self);
    if (!found.reference) return restart;
    restart.reference = found.reference;
    restart.values = found.reference->values;
    // The given part is not in this drift, and the steps of this life are not in the given part.
    if (const auto target = target_of_earlier_life(found)) {
        restart.given = make_given(*found.reference, *target, found.reference->values, 0, weight);
    }
    if (!found.local) return restart;
    restart.steps = found.local->steps;
    restart.optimizer = found.local->optimizer;
    const Unspent kept = unspent_of(found, self);
    if (kept == Unspent::nothing) return restart;
    Restart with_drift = restart;
    with_drift.given.reset();
    keep_drift(found, kept, weight, with_drift);
    const bool usable = all_finite(with_drift.values) &&
                        (!with_drift.given || all_finite(with_drift.given->values));
    return usable ? with_drift : restart;
}

protocol::LocalRecord make_local_record(Incarnation incarnation, const Reference& reference,
                                        std::span<const float> values,
                                        const protocol::Contribution* frozen, std::uint64_t steps,
                                        std::uint64_t steps_since_reference,
                                        std::vector<std::byte> optimizer) {
    DYNAVG_CHECK(values.size() == reference.values.size());
    const auto drift_of = [&reference](std::span<const float> model) {
        std::vector<float> drift(reference.parameters);
        for (std::size_t i = 0; i < drift.size(); ++i) drift[i] = model[i] - reference.values[i];
        return drift;
    };
    LocalRecord record;
    record.incarnation = incarnation;
    record.reference = reference.id;
    record.steps = steps;
    record.steps_since_reference = steps_since_reference;
    record.drift = drift_of(values);
    const auto buffers = values.subspan(reference.parameters);
    record.buffers.assign(buffers.begin(), buffers.end());
    if (frozen != nullptr) {
        DYNAVG_CHECK(frozen->values.size() == values.size());
        record.frozen_for = frozen->target;
        record.frozen_steps = frozen->facts.steps;
        record.frozen_drift = drift_of(frozen->values);
    }
    record.optimizer = std::move(optimizer);
    return record;
}

}  // namespace dynavg::storage
