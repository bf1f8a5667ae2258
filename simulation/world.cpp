#include "simulation/world.hpp"

#include <algorithm>
#include <set>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "protocol/exchange/reference_holder.hpp"
#include "simulation/faults/dice.hpp"
#include "simulation/faults/fault_injector.hpp"
#include "simulation/peer/toy_learner.hpp"

namespace dynavg::simulation {

using protocol::Duration;
using protocol::Instant;
using namespace std::chrono_literals;

namespace {

/// After the faults: so long peers train on, and so long they may take until they are done.
constexpr Duration kTrainingAfterFaults = 30s;
constexpr Duration kEndAfterFaults = 15min;
/// Where nothing must come to an end.
constexpr Duration kRestAfterFaults = 3min;
/// By then those that are left have found each other; and so often a person looks again.
constexpr Duration kFirstForgotten = 90s;
constexpr Duration kForgottenAgain = 2min;

protocol::ReferencePointer initial_reference(const WorldOptions& options) {
    const bool linear = has_direction(options.averaging.monitor);
    const protocol::ReferenceShape shape{options.peers + options.extra_values, 0, linear,
                                         outer_vectors(options.averaging.outer.kind)};
    return make_initial_reference(shape, std::vector<float>(shape.values(), 0.0F),
                                  options.averaging.threshold, options.seed);
}

std::string name_of(const WorldOptions& options, PeerIndex index) {
    return fmt::format("{}-{}", index >= options.peers ? "observer" : "peer", index);
}

/// It has got its token from its seeds, and their keys with it; their neighbours' it has to learn.
void add_keys(PeerOptions& peer, const WorldOptions& options) {
    const std::string first = Peer::address_of(0);
    if (peer.index > 1 && !options.all_are_seeds) peer.seeds.push_back(first);
    peer.keys.emplace().token = protocol::PeerId::from_name("token-0");
    for (const std::string& seed : peer.seeds) {
        const std::string name = name_of(options, *Peer::index_of(seed));
        peer.keys->of_seeds.emplace(seed, protocol::PeerId::from_name(name));
    }
}

PeerOptions peer_options(const WorldOptions& options, PeerIndex index,
                         const protocol::ReferencePointer& initial) {
    PeerOptions peer;
    peer.index = index;
    const bool observes = index >= options.peers;
    peer.name = name_of(options, index);
    peer.role = observes ? protocol::Role::observer : protocol::Role::member;
    peer.averaging = options.averaging;
    peer.initial = initial;
    peer.start_peers = options.start_peers;
    peer.max_steps = options.max_steps.at(index);
    // A chain: each knows one other, peer exchange finds the rest.
    if (index > 0) peer.seeds = {Peer::address_of(index - 1)};
    if (options.all_are_seeds) {
        peer.seeds.clear();
        for (PeerIndex other = 0; other < options.peers; ++other) {
            if (other != index) peer.seeds.push_back(Peer::address_of(other));
        }
    }
    if (options.keys) add_keys(peer, options);
    peer.heartbeat_interval = options.heartbeat_interval;
    peer.suspicion_timeout = options.suspicion_timeout;
    peer.step_time = options.step_times.at(index);
    if (!options.clocks_ahead.empty()) peer.clock_ahead = options.clocks_ahead.at(index);
    peer.durable = options.durable;
    peer.write_time_max = options.write_time_max;
    peer.record_interval = options.record_interval;
    peer.seed = options.seed;
    return peer;
}

/// The next life begins from nothing.
bool has_lost_all(const Peer& peer) {
    return !peer.is_up() && (!peer.options().durable || peer.disk().is_damaged());
}

/// Whether this life of it, or the one that its disk gives, knows what `member` has promised.
bool remembers(const Peer& peer, const protocol::Member& member) {
    if (has_lost_all(peer)) return false;
    protocol::Heartbeat heartbeat;
    peer.core().describe(heartbeat);
    return heartbeat.remembers <= member.incarnation;
}

/// One run: owns the network, its peers and who watches them.
class World {
public:
    explicit World(const WorldOptions& options);

    void run();
    [[nodiscard]] WorldReport report();

private:
    [[nodiscard]] bool finished() const;
    [[nodiscard]] bool has_first_round() const;
    void start_faults();
    void stop_faults();
    void stop_training();
    [[nodiscard]] std::set<PeerIndex> draw_core();
    void let_go_of_the_dead();
    [[nodiscard]] bool may_speak(const std::set<PeerIndex>& core) const;
    [[nodiscard]] bool is_gone(const protocol::Member& voter,
                               const std::set<PeerIndex>& core) const;

    const WorldOptions& m_options;
    EventQueue m_events;
    Network m_network;
    protocol::ReferencePointer m_initial;
    Checkers m_checkers;
    std::vector<std::unique_ptr<Peer>> m_peers;
    std::optional<FaultInjector> m_faults;
    std::set<PeerIndex>
        m_core;       ///< The peers that must come to an end: all, or those that faults have left.
    bool m_must_end;  ///< Not if faults have left too few that may speak for the rest.
    bool m_faults_started = false;
    Instant m_end;
};

World::World(const WorldOptions& options)
    : m_options(options),
      m_network(m_events, options.links, options.seed),
      m_initial(initial_reference(options)),
      m_checkers(m_events, options.peers, options.averaging, m_initial),
      m_must_end(options.faults.mode != FaultMode::safety),
      m_end(m_events.now() + options.horizon) {
    m_checkers.trace_to(options.trace);
    const auto directory = [this](PeerIndex index) {
        return index < m_peers.size() ? m_peers[index].get() : nullptr;
    };
    for (PeerIndex index = 0; index < options.peers + options.observers; ++index) {
        const auto make_learner = [this, index]() -> std::unique_ptr<protocol::Learner> {
            if (index >= m_options.peers) {
                return std::make_unique<protocol::ReferenceHolder>(m_initial);
            }
            return std::make_unique<ToyLearner>(index, m_options.averaging.monitor, m_initial);
        };
        m_peers.push_back(std::make_unique<Peer>(peer_options(options, index, m_initial),
                                                 make_learner, m_events, m_network, directory,
                                                 m_checkers));
        m_events.after(options.start_delays.at(index), [p = m_peers.back().get()] { p->start(); });
        m_core.insert(index);
    }
    if (options.faults.mode == FaultMode::none) return;
    m_faults.emplace(m_events, m_network, m_peers, options.seed);
    m_checkers.consider(&*m_faults);
    if (!options.faults.after_first_round) start_faults();
}

void World::run() {
    while (!m_events.empty() && m_events.now() < m_end && m_checkers.violations().empty() &&
           m_events.handled() < m_options.events_max) {
        m_events.run_next();
        if (m_faults && !m_faults_started && has_first_round()) start_faults();
        if (m_events.handled() % 64 == 0 && finished()) break;
    }
}

bool World::finished() const {
    const Peer& first = *m_peers[*m_core.begin()];
    return std::all_of(m_core.begin(), m_core.end(), [&](PeerIndex index) {
        return m_peers[index]->is_finished() &&
               m_peers[index]->core().reference()->id == first.core().reference()->id;
    });
}

bool World::has_first_round() const {
    return std::all_of(m_peers.begin(), m_peers.begin() + m_options.start_peers,
                       [](const auto& peer) { return peer->installed()->epoch.value() > 0; });
}

// --- faults -----------------------------------------------------------------------------------

void World::start_faults() {
    m_faults_started = true;
    m_faults->start(m_options.faults.schedule);
    m_events.after(m_options.faults.length, [this] { stop_faults(); });
}

void World::stop_faults() {
    const FaultMode mode = m_options.faults.mode;
    if (mode == FaultMode::trust) {
        std::erase_if(m_core, [this](PeerIndex peer) { return m_faults->is_revoked(peer); });
        m_must_end = may_speak(m_core);
    } else if (mode != FaultMode::safety) {
        m_core = draw_core();
        m_must_end = may_speak(m_core);
    } else {
        std::erase_if(m_core, [this](PeerIndex peer) { return m_faults->is_lost(peer); });
    }
    if (m_options.trace) {
        m_options.trace(fmt::format("faults stop; the core is {}", fmt::join(m_core, ", ")));
    }
    for (const auto& peer : m_peers) {
        if (!m_core.contains(peer->index()) || !m_must_end) m_checkers.give_up(peer->index());
    }
    using Others = FaultInjector::Others;
    m_faults->heal(m_core, mode == FaultMode::forget  ? Others::dead
                           : mode == FaultMode::trust ? Others::revoked
                                                      : Others::dead_or_cut_off);
    if (mode == FaultMode::forget) {
        std::vector<const Peer*> survivors;
        for (const PeerIndex index : m_core) survivors.push_back(m_peers[index].get());
        m_checkers.drop_what_none_holds(survivors);
        m_events.after(kFirstForgotten, [this] { let_go_of_the_dead(); });
    }
    m_events.after(kTrainingAfterFaults, [this] { stop_training(); });
    m_end = m_events.now() + (m_must_end ? kEndAfterFaults : kRestAfterFaults);
}

/// A person does what docs/operations.md says, at every one that is left.
void World::let_go_of_the_dead() {
    for (const PeerIndex index : m_core) {
        Peer& peer = *m_peers[index];
        if (!peer.is_up() || peer.is_observer()) continue;
        for (const protocol::Member& voter : protocol::Roster(peer.core().roster())) {
            if (is_gone(voter, m_core)) peer.forget(voter.id);
        }
    }
    m_events.after(kForgottenAgain, [this] { let_go_of_the_dead(); });
}

void World::stop_training() {
    for (const auto& peer : m_peers) {
        if (!peer->is_observer()) peer->stop_training_after(1);
    }
}

/// A random one that may speak for the last roster, whichever it is; once the others are forgotten,
/// if they will be.
std::set<PeerIndex> World::draw_core() {
    Dice dice(protocol::RandomStream(m_options.seed, protocol::RandomPurpose::simulation, 7));
    std::vector<PeerIndex> order(m_options.peers);
    for (PeerIndex i = 0; i < order.size(); ++i) {
        order[i] = i;
        std::swap(order[i], order[dice.between(0, i)]);
    }
    std::set<PeerIndex> core;
    const bool forgets = m_options.faults.mode == FaultMode::forget;
    const std::size_t least = dice.between(2, m_options.peers - (forgets ? 1 : 0));
    for (const PeerIndex peer : order) {
        if (core.size() >= least && may_speak(core)) break;
        core.insert(peer);
    }
    for (PeerIndex peer = m_options.peers; peer < m_peers.size(); ++peer) core.insert(peer);
    if (m_options.all_are_seeds) return core;
    // A peer that has met no other needs its seed, the one before it in the chain.
    for (PeerIndex peer = m_peers.size() - 1; peer > 0; --peer) {
        const bool alone =
            m_peers[peer]->installed()->epoch == protocol::Epoch(0) || has_lost_all(*m_peers[peer]);
        if (core.contains(peer) && alone) core.insert(peer - 1);
    }
    return core;
}

/// This voter's promises are not with the core.
bool World::is_gone(const protocol::Member& voter, const std::set<PeerIndex>& core) const {
    const auto peer = static_cast<PeerIndex>(voter.order);
    return !core.contains(peer) || !remembers(*m_peers[peer], voter);
}

/// Of every roster that is, or may still become, the last one: more than half; or as many as it
/// takes after all others are forgotten, and then what only those know does not count.
bool World::may_speak(const std::set<PeerIndex>& core) const {
    const bool forgets = m_options.faults.mode == FaultMode::forget;
    const auto may_speak_for = [&](const protocol::Roster& roster) {
        protocol::Voters votes;
        std::vector<protocol::PeerId> gone;
        for (const protocol::Member& member : roster) {
            if (is_gone(member, core)) {
                gone.push_back(member.id);
            } else {
                votes.push_back({member, member.incarnation});
            }
        }
        if (roster.empty() || 2 * votes.size() > roster.size()) return true;
        protocol::Electorate electorate(roster);
        for (const protocol::Voter& voter : votes) electorate.hear(voter, gone);
        return forgets && electorate.has_quorum(votes);
    };
    return std::all_of(m_peers.begin(), m_peers.end(), [&](const auto& peer) {
        if (peer->lives() == 0 || peer->is_observer()) return true;
        if (forgets && !core.contains(peer->index())) return true;
        const auto& round = peer->core().round();
        if (!may_speak_for(peer->core().electorate().body())) return false;
        if (!round || !round->prepared()) return true;
        const protocol::Prepared& value = *round->prepared();
        return may_speak_for(protocol::voters_of({{}, value.roster, value.leaving}));
    });
}

WorldReport World::report() {
    WorldReport report;
    report.finished = finished();
    std::vector<const Peer*> up;
    for (const auto& peer : m_peers) {
        if (!peer->is_up() || !m_core.contains(peer->index())) continue;
        up.push_back(peer.get());
        report.references.push_back(peer->core().reference()->id);
    }
    if (m_checkers.violations().empty()) m_checkers.on_end(up);
    if (m_checkers.violations().empty() && m_must_end) m_checkers.on_finish(up, report.finished);
    report.violations = m_checkers.violations();
    report.epochs = m_checkers.epochs();
    report.events = m_events.handled();
    report.messages = m_network.delivered();
    report.virtual_time = m_events.now() - Instant{};
    report.event_counts = m_checkers.event_counts();
    return report;
}

}  // namespace

std::string_view name_of(FaultMode mode) {
    switch (mode) {
        case FaultMode::none:
            return "none";
        case FaultMode::safety:
            return "safety";
        case FaultMode::liveness:
            return "liveness";
        case FaultMode::forget:
            return "forget";
        case FaultMode::trust:
            return "trust";
    }
    return "unknown";
}

std::string WorldOptions::describe() const {
    std::string text = fmt::format(
        "{} peers (start {}){}, {}, {}, threshold {:.3g}, loss {:.0f} %, delay {}-{} ms, "
        "repetition "
        "{:.0f} %, heartbeat {} ms, suspicion {}",
        peers, start_peers, observers > 0 ? fmt::format(" and {} observers", observers) : "",
        name_of(averaging.pace), name_of(averaging.monitor), averaging.threshold, 100 * links.loss,
        links.delay_min / 1ms, links.delay_max / 1ms, 100 * links.repetition,
        heartbeat_interval / 1ms,
        suspicion_timeout ? fmt::format("{} ms", *suspicion_timeout / 1ms) : "learned");
    if (keys) text += ", keys";
    if (faults.mode != FaultMode::none) {
        text += fmt::format(
            "; {}{}, faults from the {}: {}", name_of(faults.mode), durable ? "" : " without disks",
            faults.after_first_round ? "first reference" : "start", to_string(faults.schedule));
    }
    return text;
}

WorldReport run_world(const WorldOptions& options) {
    World world(options);
    world.run();
    return world.report();
}

}  // namespace dynavg::simulation
