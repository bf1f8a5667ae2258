#include <algorithm>
#include <iterator>
#include <utility>

#include "protocol/base/check.hpp"
#include "protocol/core/settings.hpp"
#include "simulation/peer/peer.hpp"

// Where a life of a simulated peer begins: from nothing, or from what is on its disk.

namespace dynavg::simulation {

namespace {

protocol::NetworkFields network_fields(const PeerOptions& options) {
    protocol::NetworkFields fields = fields_of(options.averaging);
    fields["network"] = "simulated";
    return fields;
}

discovery::MembershipOptions membership_options(const PeerOptions& options,
                                                const protocol::Member& member) {
    discovery::MembershipOptions membership;
    membership.self = member;
    membership.name = options.name;
    membership.role = options.role;
    const std::string address = Peer::address_of(options.index);
    membership.endpoints = {address, address, address};
    membership.fields = network_fields(options);
    for (const std::string& seed : options.seeds) {
        const bool has_key = options.keys && options.keys->of_seeds.contains(seed);
        membership.seeds.push_back(
            {seed,
             has_key ? discovery::ProvenPeer(options.keys->of_seeds.at(seed)) : std::nullopt});
    }
    membership.heartbeat_interval = options.heartbeat_interval;
    membership.suspicion_timeout = options.suspicion_timeout;
    membership.random_seed = options.seed + options.index;
    return membership;
}

}  // namespace

Peer::Life::Life(std::unique_ptr<protocol::Learner> learner,
                 const protocol::AveragingSettings& averaging, PeerTrainerOptions options)
    : worker(learner->shape(), outer_rules(averaging)),
      trainer(std::move(learner), std::move(options)) {}

Peer::Peer(PeerOptions options, MakeLearner make_learner, EventQueue& events, Network& network,
           Directory directory, Observer& observer)
    : m_options(std::move(options)),
      m_make_learner(std::move(make_learner)),
      m_events(events),
      m_network(network),
      m_directory(std::move(directory)),
      m_observer(observer),
      m_random(m_options.seed, protocol::RandomPurpose::simulation, 2, m_options.index),
      m_disk({m_options.seed, protocol::RandomPurpose::simulation, 8, m_options.index}),
      m_clock_ahead(m_options.clock_ahead) {
    m_member.order = static_cast<std::int32_t>(m_options.index);
    m_member.id = protocol::PeerId::from_name(m_options.name);
    m_life = std::make_unique<Life>(m_make_learner(), m_options.averaging, trainer_options());
}

void Peer::start() {
    if (m_up) return;
    m_life->trainer.await_gradient();
    m_up = true;
    ++m_lives;
    // Until the disk says that it must be more.
    m_member.incarnation = m_member.incarnation.next();
    if (m_options.keys) PeerTrust::join(*m_options.keys, m_disk);
    if (m_options.durable) {
        begin_life_from_disk();
    } else {
        begin_life();
    }
    m_observer.on_started(*this);
    // The rules learn where training stands, as they do from the daemon's trainer.
    if (m_lives > 1 && steps() > 0) later({}, [this] { report_to_core(); });
    if (m_lives > 1 && m_diverge_next) {
        later({}, [this] {
            if (m_diverge_next) std::exchange(m_diverge_next, nullptr)();
        });
    }
    act();
}

void Peer::begin_life() {
    if (m_lives > 1)
        m_life = std::make_unique<Life>(m_make_learner(), m_options.averaging, trainer_options());
    start_node({});
}

void Peer::begin_life_from_disk() {
    std::unique_ptr<PeerStorage> storage = make_storage();
    storage::Found found = storage->load();
    DYNAVG_CHECK(!found.refused);
    auto learner = m_make_learner();
    const float weight = weight_of(m_options.averaging.weights, learner->samples());
    peer::Resumption resumed =
        peer::resume(found, {m_member, m_options.initial, weight, m_options.role});
    m_member = resumed.self;
    (void)restore_learner(*learner, resumed);
    PeerTrainerOptions trainer = trainer_options();
    trainer.start = std::move(resumed.training);
    m_life = std::make_unique<Life>(std::move(learner), m_options.averaging, std::move(trainer));
    m_life->storage = std::move(storage);
    m_life->found = std::move(found);
    start_node(std::move(resumed));
    for (const protocol::Event& event : m_life->found->events) m_observer.on_event(*this, event);
    if (!is_observer()) later(m_options.record_interval, [this] { record_training(); });
}

PeerTrainerOptions Peer::trainer_options() {
    PeerTrainerOptions trainer;
    trainer.start.reference = m_options.initial;
    trainer.max_steps = m_options.max_steps;
    trainer.check_every = m_options.averaging.steps_between_checks();
    trainer.weights = m_options.averaging.weights;
    trainer.tasks = m_options.tasks;
    trainer.on_diverged = [this](std::uint64_t steps) {
        m_observer.on_event(
            *this, protocol::Event("diverged", protocol::Level::warning,
                                   "the local model became infinite or not a number: its drift is "
                                   "dropped and training goes on from the reference")
                       .with("steps", steps));
    };
    return trainer;
}

std::unique_ptr<PeerStorage> Peer::make_storage() {
    PeerStorageHandlers handlers;
    handlers.on_promise = [this](const protocol::Promise& promise) {
        m_life->node->on_promise_written(promise, now());
        act();
    };
    handlers.on_prepared = [this](const protocol::Prepared& prepared) {
        m_life->node->on_prepared_written(prepared, now());
        act();
    };
    handlers.on_writing = [this](const peer::Write& write) { m_observer.on_writing(*this, write); };
    handlers.on_written = [this](const peer::Write& write) { m_observer.on_written(*this, write); };
    handlers.later = [this](protocol::Duration delay, std::function<void()> call) {
        later(delay, std::move(call));
    };
    handlers.now = [this] { return now(); };
    const protocol::RandomStream random(m_options.seed, protocol::RandomPurpose::simulation, 9,
                                        m_options.index << 32U | m_lives);
    return std::make_unique<PeerStorage>(m_disk, m_life->trainer.learner().shape(),
                                         storage::digest_of(network_fields(m_options)),
                                         m_options.write_time_max, random, std::move(handlers));
}

void Peer::start_node(peer::Resumption resumed) {
    discovery::MembershipOptions membership = membership_options(m_options, m_member);
    if (m_options.keys) {
        open_doors();
        membership.trusted = desk()->list().trusted();
    }
    std::ranges::move(peer::seeds_of(resumed.known_peers, desk()),
                      std::back_inserter(membership.seeds));
    peer::Node& node = m_life->node.emplace(kSimulatedNetwork, std::move(membership), now());
    if (m_life->trust) m_life->trust->attach(node);
    protocol::NodeCoreOptions core;
    core.self = m_member;
    core.role = m_options.role;
    core.averaging = m_options.averaging;
    core.weight = m_life->trainer.weight();
    core.initial = m_options.initial;
    core.start_peers = m_options.start_peers;
    core.restored = std::move(resumed.core);
    core.durable = m_options.durable;
    node.start_core(std::move(core), now());
    m_life->worker.set_reference(installed());
}

protocol::LocalRecord Peer::local_record() const {
    return peer::local_record(m_member.incarnation, m_life->trainer.copy());
}

void Peer::record_training() {
    m_life->storage->write(local_record());
    later(m_options.record_interval, [this] { record_training(); });
}

}  // namespace dynavg::simulation
