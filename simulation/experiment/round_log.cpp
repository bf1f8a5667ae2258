#include "simulation/experiment/round_log.hpp"

#include <algorithm>
#include <chrono>
#include <limits>
#include <string>
#include <utility>

#include "protocol/base/check.hpp"

namespace dynavg::simulation {

namespace {

double number(const protocol::Event& event, std::string_view key) {
    const protocol::EventValue* value = event.find(key);
    const auto* found = value == nullptr ? nullptr : std::get_if<double>(value);
    return found == nullptr ? 0 : *found;
}

std::string text(const protocol::Event& event, std::string_view key) {
    const protocol::EventValue* value = event.find(key);
    const auto* found = value == nullptr ? nullptr : std::get_if<std::string>(value);
    return found == nullptr ? "" : *found;
}

/// Those that are up; all before the first one is.
std::vector<const Peer*> with_models(Peers all) {
    std::vector<const Peer*> peers;
    for (const auto& peer : all) {
        if (peer->is_up()) peers.push_back(peer.get());
    }
    if (!peers.empty()) return peers;
    for (const auto& peer : all) peers.push_back(peer.get());
    return peers;
}

}  // namespace

protocol::TrafficBytes bytes_sent_by(Peers peers) {
    protocol::TrafficBytes sum;
    for (const auto& peer : peers) {
        sum += peer->bytes_sent();
    }
    return sum;
}

double exact_variance(Peers all) {
    const std::vector<const Peer*> peers = with_models(all);
    // mean ||u||^2 - ||mean u||^2 with drifts u from any common point; the reference is near.
    const protocol::Reference& reference = *peers.front()->installed();
    const std::size_t parameters = reference.parameters;
    std::vector<float> model(reference.values.size());
    std::vector<double> sum(parameters);
    double squares = 0;
    double weights = 0;
    for (const auto& peer : peers) {
        const auto weight = static_cast<double>(peer->weight());
        weights += weight;
        peer->learner().copy_contribution(model);
        for (std::size_t i = 0; i < parameters; ++i) {
            const double drift =
                static_cast<double>(model[i]) - static_cast<double>(reference.values[i]);
            sum[i] += weight * drift;
            squares += weight * drift * drift;
        }
    }
    double square_of_sum = 0;
    for (const double value : sum) square_of_sum += value * value;
    return squares / weights - square_of_sum / (weights * weights);
}

std::vector<float> mean_model(Peers all) {
    const std::vector<const Peer*> peers = with_models(all);
    const std::size_t size = peers.front()->installed()->values.size();
    std::vector<float> model(size);
    std::vector<double> sum(size);
    double weights = 0;
    for (const auto& peer : peers) {
        const auto weight = static_cast<double>(peer->weight());
        weights += weight;
        peer->learner().copy_contribution(model);
        for (std::size_t i = 0; i < size; ++i) sum[i] += weight * static_cast<double>(model[i]);
    }
    std::transform(sum.begin(), sum.end(), model.begin(),
                   [weights](double value) { return static_cast<float>(value / weights); });
    return model;
}

RoundLog::RoundLog(const EventQueue& events, std::size_t peers,
                   std::function<void(const RoundRow&)> out)
    : m_events(events), m_out(std::move(out)) {
    for (PeerIndex peer = 0; peer < peers; ++peer) m_installed.emplace(peer, protocol::Epoch(0));
}

void RoundLog::on_crossing(const Peer& caller, const protocol::Event& crossing, Peers all) {
    const protocol::Epoch target = caller.installed()->epoch.next();
    if (target <= m_finished || m_calls.contains(target)) return;
    Call call;
    call.at = m_events.now();
    call.row.round = target.value();
    call.row.step = caller.steps();
    call.row.estimate = number(crossing, "estimate");
    call.row.threshold = number(crossing, "threshold");
    call.row.reason = text(crossing, "reason");
    call.row.exact_variance = exact_variance(all);
    m_calls.emplace(target, std::move(call));
}

void RoundLog::on_install(const Peer& peer, const protocol::Install& install, Peers all) {
    const protocol::Epoch epoch = install.reference->epoch;
    m_installed.at(peer.index()) = epoch;
    if (epoch > m_finished && !m_calls.contains(epoch))
        m_calls.emplace(epoch, unheard(peer, epoch));
    if (const auto call = m_calls.find(epoch); call != m_calls.end()) {
        call->second.row.participants = peer.core().roster().size();
    }
    finish_rounds(all);
}

/// The caller crashed before any peer saw the call.
RoundLog::Call RoundLog::unheard(const Peer& peer, protocol::Epoch target) const {
    constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();
    Call call;
    call.at = m_events.now();
    call.row.round = target.value();
    call.row.step = peer.steps();
    call.row.estimate = call.row.exact_variance = kUnknown;
    call.row.threshold = peer.installed()->threshold;
    call.row.reason = "unknown";
    return call;
}

void RoundLog::give_up(const Peer& peer, Peers all) {
    m_installed.erase(peer.index());
    finish_rounds(all);
}

void RoundLog::finish_rounds(Peers all) {
    if (m_installed.empty()) return;
    const auto by_epoch = [](const auto& a, const auto& b) { return a.second < b.second; };
    const protocol::Epoch all_have =
        std::min_element(m_installed.begin(), m_installed.end(), by_epoch)->second;
    while (m_finished < all_have) finish(m_finished.next(), all);
}

void RoundLog::finish(protocol::Epoch epoch, Peers all) {
    m_finished = epoch;
    const auto call = m_calls.find(epoch);
    DYNAVG_CHECK(call != m_calls.end());  // No reference without a call.
    RoundRow row = std::move(call->second.row);
    const std::chrono::duration<double, std::milli> took = m_events.now() - call->second.at;
    m_calls.erase(call);
    row.duration_ms = took.count();
    const std::uint64_t bytes = bytes_sent_by(all).averaging;
    row.bytes = bytes - std::exchange(m_bytes, bytes);
    m_out(row);
}

}  // namespace dynavg::simulation
