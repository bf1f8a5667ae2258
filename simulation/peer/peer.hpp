#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "peer/carry_out.hpp"
#include "peer/node.hpp"
#include "peer/resume.hpp"
#include "protocol/exchange/exchange.hpp"
#include "protocol/reference/learner.hpp"
#include "protocol/wire/traffic.hpp"
#include "simulation/event_queue.hpp"
#include "simulation/faults/faults.hpp"
#include "simulation/network.hpp"
#include "simulation/peer/peer_storage.hpp"
#include "simulation/peer/peer_trainer.hpp"
#include "simulation/peer/peer_trust.hpp"
#include "simulation/peer/sim_disk.hpp"
#include "simulation/task_pool.hpp"

namespace dynavg::simulation {

struct PeerOptions {
    PeerIndex index = 0;
    std::string name;
    protocol::Role role = protocol::Role::member;
    protocol::AveragingSettings averaging;
    protocol::ReferencePointer initial;
    std::uint32_t start_peers = 1;
    std::uint64_t max_steps = 0;
    std::vector<std::string> seeds;  ///< Addresses, see Peer::address_of().
    std::optional<PeerKeys> keys{};  ///< None: a network without keys, where everybody is believed.
    protocol::Duration heartbeat_interval = std::chrono::milliseconds(500);
    std::optional<protocol::Duration> suspicion_timeout;  ///< Instead of the learned one.
    protocol::Duration step_time = std::chrono::milliseconds(10);
    /// Of the peer's clock before virtual time. A machine's clock counts from anywhere.
    protocol::Duration clock_ahead{};
    std::uint64_t seed = 0;
    /// Has a disk, and keeps on it what a peer may not forget. Else every life begins from nothing.
    bool durable = false;
    protocol::Duration write_time_max = std::chrono::milliseconds(50);
    /// How often local training is written to disk.
    protocol::Duration record_interval = std::chrono::seconds(10);
    /// Where gradients are computed, from the start of a step until its virtual end; outlived by
    /// the peer. Null: at the start of the step.
    TaskPool* tasks = nullptr;
    /// An instance that sees all models; asked by every peer, with the monitor local-balanced only.
    std::function<protocol::BalancingOutcome(const protocol::BalancingOrder&)> balance;
};

inline constexpr protocol::NetworkId kSimulatedNetwork{0x51u};

class Peer;

/// A person's order at a peer of a network with keys.
struct TrustSaid {
    enum class What : std::uint8_t { trust, revoke, token };
    What what = What::trust;
    std::optional<protocol::PeerId> key;  ///< Of a token: none, where it is closed.
};

/// An observer of all events of a peer: the world with its checkers, or an experiment that writes
/// them down.
class Observer {
public:
    virtual ~Observer() = default;
    /// A life begins: the first one or, after a crash, another.
    virtual void on_started(const Peer&) {}
    virtual void on_crashed(const Peer&) {}
    /// It says goodbye now, of its own will.
    virtual void on_leaving(const Peer&) {}
    virtual void on_event(const Peer&, const protocol::Event&) {}
    virtual void on_published(const Peer&, const protocol::Message&) {}
    virtual void on_install(const Peer&, const protocol::Install&) {}
    virtual void on_frozen(const Peer&, const protocol::Contribution&) {}
    virtual void on_exchange_done(const Peer&, const protocol::ExchangeResult&) {}
    /// The disk begins with it.
    virtual void on_writing(const Peer&, const peer::Write&) {}
    /// It is on disk.
    virtual void on_written(const Peer&, const peer::Write&) {}
    virtual void on_step(const Peer&, double loss) { (void)loss; }
    // In a network with keys:
    /// The peer's person has said this, and the peer does it next.
    virtual void on_said(const Peer&, const TrustSaid&) {}
    /// Its list of trusted and revoked keys is on its disk as it stands.
    virtual void on_trust_kept(const Peer&) {}
    /// It lets in a connection that has shown this key.
    virtual void on_let_in(const Peer&, const protocol::PeerId& key, peer::LetIn as) {
        (void)key, (void)as;
    }
    /// It sends gossip to the owner of this key, or takes a bulk message of it.
    virtual void on_served(const Peer&, const protocol::PeerId& key, peer::Door door) {
        (void)key, (void)door;
    }
    /// It has answered an introduction over a connection that has shown this token.
    virtual void on_introduced(const Peer&, const protocol::PeerId& token) { (void)token; }
    /// After every input to a peer.
    virtual void on_settled(const Peer&) {}
};

/// The fate of messages that a peer has sent and that are under way as it crashes.
enum class LastWords : std::uint8_t { arrive, lost };

/// The shell of one simulated peer: does with Node, ExchangeWorker and Learner what the daemon's
/// three threads do, in virtual time over a simulated network that carries encoded messages. It may
/// crash and start again as another life with another incarnation, stand still, and have a clock
/// and a pace of its own.
class Peer final : private peer::Shell {
public:
    /// `directory` finds a peer by index; it outlives all events.
    using Directory = std::function<Peer*(PeerIndex)>;
    /// One for each life, as the initial reference has it.
    using MakeLearner = std::function<std::unique_ptr<protocol::Learner>()>;

    Peer(PeerOptions options, MakeLearner make_learner, EventQueue& events, Network& network,
         Directory directory, Observer& observer);

    /// Comes up, for the first time or after a crash; before that it hears nothing.
    void start();

    // --- faults (peer_faults.cpp) ---
    void crash(LastWords words, PowerLoss loss = PowerLoss::clean);
    /// Once it is in a round it crashes instead of sending its `count`-th message from then on;
    /// `crash` calls crash(). Replaces an earlier order; ends with the life.
    void crash_at_message(std::uint32_t count, std::function<void()> crash);
    void crash_at(FaultMoment moment, std::function<void()> crash);
    /// A value of its model is infinite or not a number from now on. Not of an observer.
    void diverge();
    /// `diverge` calls diverge(), once: frozen: in this life; restarted: in the next one.
    void diverge_at(FaultMoment moment, std::function<void()> diverge);
    /// Hands over in a last round, if it can in time, and ends; then calls `left`. Ends with the
    /// life.
    void leave(std::function<void()> left);
    /// Handles nothing until then. Messages that arrive wait, and its timers are late.
    void freeze_until(protocol::Instant when);
    /// It goes on now.
    void thaw();
    void set_slowness(double factor) { m_slowness = factor; }
    void jump_clock(protocol::Duration ahead);
    /// One bit is wrong in every chunk of a reference that it sends.
    void set_damaging(bool damaging) { m_damaging = damaging; }
    /// A person sets the threshold here, by this peer's clock.
    void set_threshold(double threshold);
    /// A person says here that this one will not come back; ignored where it is seen alive.
    void forget(const protocol::PeerId& peer);
    /// In a network with keys; where the disk does not take a token, the old one stays.
    void say(const TrustSaid& said);
    /// Calls back once a connection has been let in by the token. Ends with the life.
    void when_token_is_shown(std::function<void()> call);
    /// Others get contributions that are not finite, or larger than the norm that it tells.
    void set_lying(bool lying) { m_lying = lying; }
    /// It is done after so many more steps.
    void stop_training_after(std::uint64_t more_steps);

    /// Between two steps, and while no round is open.
    void set_model(std::span<const float> values) { m_life->trainer.set_model(values); }

    [[nodiscard]] SimDisk& disk() { return m_disk; }
    [[nodiscard]] const SimDisk& disk() const { return m_disk; }

    [[nodiscard]] static std::string address_of(PeerIndex index);
    [[nodiscard]] static std::optional<PeerIndex> index_of(const std::string& address);

    [[nodiscard]] PeerIndex index() const { return m_options.index; }
    [[nodiscard]] const PeerOptions& options() const { return m_options; }
    [[nodiscard]] const protocol::Member& member() const { return m_member; }
    [[nodiscard]] bool is_up() const { return m_up; }
    [[nodiscard]] bool is_frozen() const { return m_frozen_until > m_events.now(); }
    [[nodiscard]] std::uint32_t lives() const { return m_lives; }
    /// Its own clock.
    [[nodiscard]] protocol::Instant now() const { return m_events.now() + m_clock_ahead; }
    // The rest is of the last life as it stands or stood.
    /// The records that it began with; nothing without a disk.
    [[nodiscard]] const std::optional<storage::Found>& found() const { return m_life->found; }
    [[nodiscard]] const peer::Node& node() const { return *m_life->node; }
    [[nodiscard]] const protocol::NodeCore& core() const { return *node().core(); }
    /// Null in a network without keys.
    [[nodiscard]] const peer::TrustDesk* desk() const {
        return m_life->trust ? &m_life->trust->desk() : nullptr;
    }
    [[nodiscard]] const protocol::Learner& learner() const { return m_life->trainer.learner(); }
    /// How much its model counts.
    [[nodiscard]] float weight() const { return m_life->trainer.weight(); }
    [[nodiscard]] const protocol::ExchangeWorker& worker() const { return m_life->worker; }
    [[nodiscard]] const protocol::ReferencePointer& installed() const {
        return m_life->trainer.installed();
    }
    /// The contribution of an earlier life to a round whose end it did not see, as this life began;
    /// or null.
    [[nodiscard]] const protocol::ContributionPointer& given() const {
        return m_life->trainer.given();
    }
    [[nodiscard]] std::uint64_t steps() const { return m_life->trainer.steps(); }
    [[nodiscard]] std::uint64_t steps_since_reference() const {
        return m_life->trainer.steps_since_reference();
    }
    /// Of all lives, as encoded, by what they were for.
    [[nodiscard]] const protocol::TrafficBytes& bytes_sent() const { return m_sent; }
    [[nodiscard]] bool is_observer() const { return m_options.role == protocol::Role::observer; }
    /// An observer is never anything else.
    [[nodiscard]] bool is_finished() const {
        return is_up() && (is_observer() || core().is_finished());
    }

private:
    using Input = std::function<void()>;

    /// The state that a crash takes.
    struct Life {
        Life(std::unique_ptr<protocol::Learner> learner,
             const protocol::AveragingSettings& averaging, PeerTrainerOptions options);
        std::optional<storage::Found> found;
        std::unique_ptr<PeerStorage> storage;
        std::optional<peer::Node> node;
        std::optional<PeerTrust> trust;  ///< In a network with keys.
        std::function<void()> token_shown;
        protocol::ExchangeWorker worker;
        PeerTrainer trainer;
        std::map<protocol::PeerId, PeerIndex> connected;
        std::uint64_t allowed = 0;
        bool acting = false;
        protocol::Instant next_wake = protocol::kNever;
        std::deque<Input> waiting;    ///< Until it is no longer frozen.
        std::function<void()> crash;  ///< Ordered by crash_at_message() or crash_at().
        std::optional<FaultMoment> crash_moment;
        std::function<void()> diverge;  ///< Ordered by diverge_at(), once it has frozen.
        std::function<void()> left;     ///< Set: it is leaving.
        bool said_prepared = false;
        std::uint32_t messages_left = 0;
        bool counts_messages = false;
    };

    // peer_life.cpp: where a life begins
    [[nodiscard]] PeerTrainerOptions trainer_options();
    void begin_life();
    void begin_life_from_disk();
    [[nodiscard]] std::unique_ptr<PeerStorage> make_storage();
    void start_node(peer::Resumption resumed);
    void open_doors();
    void record_training();
    [[nodiscard]] protocol::LocalRecord local_record() const;

    void depart();
    void act();
    void carry_out_all();
    void carry_out_exchange();
    // what the rules ask for
    void settings_learned(const protocol::NetworkFields& fields) override;
    void disconnect(const protocol::PeerId& peer) override;
    void hang_up(const std::string& /*address*/) override {}
    void connect(const discovery::Connect& one) override;
    void install(const protocol::Install& install) override;
    void freeze(protocol::Epoch target) override;
    void abort_exchange() override { m_life->worker.abort(); }
    void set_prepared(const protocol::ReferencePointer& value) override;
    void start_exchange(const protocol::ExchangeOrder& order) override;
    void abort_pull() override { m_life->worker.abort_pull(); }
    void pull(const protocol::PullOrder& order) override;
    void balance(const protocol::BalancingOrder& order) override;
    void allow_steps(std::uint64_t total) override;
    void write(peer::Write write) override;
    void dial(const discovery::Dial& dial, peer::Frame hello) override;
    void reply(const discovery::ConnectionId& connection, peer::Frame frame) override;
    void publish(peer::Frame frame) override;
    void send(const protocol::PeerId& peer, peer::Frame frame) override;
    void published(const std::vector<protocol::Message>& messages) override;
    void report(protocol::Event event) override;
    void take_word(const discovery::Told& told) override;
    void dial_back(const discovery::DialBack& /*asked*/) override {}
    void wake_at(protocol::Instant when) override;

    void train();
    void finish_step();
    void report_to_core();
    void wake();

    /// `key`: the key that must be at the other end, where there are keys.
    void send_direct(PeerIndex to, const discovery::ProvenPeer& key, peer::Frame frame);
    void receive_direct(const FarEnd& from, const protocol::PeerId& key, peer::Node::Bytes bytes);
    void send_bulk(const protocol::BulkSend& send);
    void receive_bulk(const FarEnd& from, const protocol::Message& message,
                      std::span<const std::byte> payload);

    // peer_doors.cpp: a network with keys
    [[nodiscard]] discovery::ProvenPeer proven(const protocol::PeerId& key) const;
    [[nodiscard]] bool passes(const FarEnd& from, const protocol::PeerId& key, peer::Door door);
    void introduce(const discovery::Dial& dial, const peer::Frame& hello);
    void send_introduction(Peer& to, const std::shared_ptr<const protocol::wire::Bytes>& hello);
    void receive_introduction(const FarEnd& from, peer::Node::Bytes bytes);
    void receive_introduction_reply(const protocol::PeerId& host, peer::Node::Bytes bytes);

    void post(Peer& to, Channel channel, std::size_t bytes, std::function<void()> handle);
    [[nodiscard]] protocol::BulkSend damaged(const protocol::BulkSend& send);
    [[nodiscard]] protocol::BulkSend falsified(const protocol::BulkSend& send);
    [[nodiscard]] bool may_send();
    void reach(FaultMoment moment);
    /// Handled by this life only, and not while it is frozen.
    void take_in(std::uint32_t life, Input input);
    void later(protocol::Duration delay, Input input);

    PeerOptions m_options;
    protocol::Member m_member;
    MakeLearner m_make_learner;
    EventQueue& m_events;
    Network& m_network;
    Directory m_directory;
    Observer& m_observer;
    protocol::RandomStream m_random;

    SimDisk m_disk;
    bool m_up = false;
    std::uint32_t m_lives = 0;
    std::uint32_t m_lives_silenced = 0;  ///< Their messages under way are lost.
    protocol::Duration m_clock_ahead;
    double m_slowness = 1;
    bool m_damaging = false;
    bool m_lying = false;
    std::function<void()> m_diverge_next;  ///< Ordered by diverge_at(), of the next life.
    protocol::Instant m_frozen_until{};    ///< Virtual.
    std::unique_ptr<Life> m_life;
    protocol::TrafficBytes m_sent;
};

/// All of a network; peer i is at i.
using Peers = std::span<const std::unique_ptr<Peer>>;

}  // namespace dynavg::simulation
