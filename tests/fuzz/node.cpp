#include "peer/node.hpp"

#include <array>
#include <string>
#include <utility>
#include <vector>

#include "discovery/bounds.hpp"
#include "protocol/base/check.hpp"
#include "tests/fuzz/input.hpp"
#include "tests/fuzz/node_world.hpp"
#include "tests/fuzz/target.hpp"

// One node, with discovery and rounds, that two others have joined, and whatever they and strangers
// send it then. The first bytes choose the settings; each further step is a message, a local step,
// the end of an exchange or some time. It neither fails nor says what nobody could read.

namespace dynavg::fuzz {

namespace {

using namespace protocol;
using namespace std::chrono_literals;

constexpr std::array kMonitors{MonitorKind::norm, MonitorKind::linear, MonitorKind::sketch,
                               MonitorKind::cascade, MonitorKind::interval};

AveragingSettings settings_of(Input& in) {
    AveragingSettings settings;
    settings.monitor = kMonitors[in.below(kMonitors.size())];
    settings.sketch = {1, 4};
    settings.threshold = 1;
    settings.state_interval = 0ms;
    settings.pace = in.below(2) == 1 ? Pace::lockstep : Pace::free;
    settings.quorum = in.below(4) == 3 ? QuorumRule::none : QuorumRule::majority;
    return settings;
}

class Session {
public:
    explicit Session(Input& in)
        : m_in(in),
          m_settings(settings_of(in)),
          m_initial(initial_reference(has_direction(m_settings.monitor))),
          m_node(kNetwork, node_options(0), m_now) {
        NodeCoreOptions options;
        options.self = node_options(0).self;
        options.averaging = m_settings;
        options.initial = m_initial;
        m_node.start_core(std::move(options), m_now);
        for (const int peer : {1, 2}) join(peer);
        tell_step();
    }

    void step() {
        switch (m_in.below(10)) {
            case 0:
                return (void)m_node.on_gossip(node_options(some_peer()).self.id, raw(), m_now);
            case 1:
                return (void)m_node.on_direct(some_connection(), {}, raw(), m_now);
            case 2:
                return (void)m_node.on_reply(address_of(some_peer()), {}, raw(), m_now);
            case 3:
            case 4:
                return say(true);
            case 5:
                return say(false);
            case 6:
                return time();
            case 7:
                return local_step();
            case 8:
                return end_exchange();
            default:
                return blame();
        }
    }

    void carry_out() {
        peer::NodeActions actions = m_node.take_actions(m_now);
        const auto check = [](const peer::Frame& frame) {
            DYNAVG_CHECK(wire::decode(frame.bytes).has_value());
        };
        for (const auto& frame : actions.publish) check(frame);
        for (const auto& [to, frame] : actions.sends) check(frame);
        for (const auto& [to, frame] : actions.replies) check(frame);
        for (const auto& [dial, frame] : actions.dials) check(frame);
        DYNAVG_CHECK(actions.dial_backs.size() <= discovery::kProbesOpenMax);
        for (const auto& asked : actions.dial_backs) {
            m_node.on_dialed_back(asked.connection, {}, m_now);
        }
        if (actions.rounds.abort_exchange) m_exchange.reset();
        if (actions.rounds.start_exchange) m_exchange = actions.rounds.start_exchange;
        if (actions.rounds.install) {
            m_since_reference = 0;
            tell_step();
        }
    }

private:
    void join(int peer) {
        const Hello hello = hello_of(peer);
        (void)m_node.on_direct(connection_of(peer), {}, wire::encode({}, hello), m_now);
        const HelloReply reply{hello, {}, {}};
        DYNAVG_CHECK(m_node.on_reply(address_of(peer), {}, wire::encode({}, reply), m_now));
        (void)m_node.take_actions(m_now);
    }

    /// The messages that the input holds, as the peer would send them: sound, from it, in order.
    void say(bool aloud) {
        const auto peer = static_cast<int>(1 + m_in.below(2));
        const bool knows_reference = m_in.below(2) == 0;
        const auto envelope = wire::decode(raw());
        if (!envelope) return;
        Header header = envelope->header;
        header.network = kNetwork;
        header.sender_tag = node_options(peer).self.id.tag();
        SequenceNumber& sequence = m_sequences[static_cast<std::size_t>(peer)];
        sequence = sequence.next();
        header.sequence = sequence;
        if (knows_reference) {
            const ReferencePointer& reference = m_node.core()->reference();
            header.epoch = reference->epoch;
            header.reference_tag = reference->id.digest.high;
        }
        const auto bytes = wire::encode(header, envelope->message);
        if (aloud) {
            (void)m_node.on_gossip(node_options(peer).self.id, bytes, m_now);
        } else {
            (void)m_node.on_direct(connection_of(peer), {}, bytes, m_now);
        }
    }

    void time() {
        m_now += std::chrono::milliseconds(m_in.number<std::uint16_t>());
        m_node.on_tick(m_now);
    }

    void local_step() {
        ++m_steps;
        ++m_since_reference;
        tell_step(static_cast<float>(m_in.byte()) / 32);
    }

    void tell_step(float squared_norm = 0) {
        StepReport report;
        report.reference = m_node.core()->reference()->id;
        report.steps = m_steps;
        report.steps_since_reference = m_since_reference;
        report.step_time = 1ms;
        LocalState state{squared_norm, {}};
        if (m_settings.monitor == MonitorKind::linear) state.values = {0.5F};
        if (has_sketch()) state.values.assign(sketch_values(), 0.25F);
        if (m_since_reference > 0) report.state = state;
        m_node.on_step(report, m_now);
    }

    [[nodiscard]] bool has_sketch() const {
        return m_settings.monitor == MonitorKind::sketch ||
               m_settings.monitor == MonitorKind::cascade;
    }
    [[nodiscard]] std::size_t sketch_values() const {
        const std::size_t cells = std::size_t{m_settings.sketch.rows} * m_settings.sketch.columns;
        return cells + (m_settings.monitor == MonitorKind::cascade ? 1 : 0);
    }

    void end_exchange() {
        const float value = m_in.byte();
        if (!m_exchange) return;
        ExchangeResult result;
        result.key = m_exchange->key;
        result.ballot = m_exchange->ballot;
        result.certificate.roster = m_exchange->roster;
        result.certificate.facts.resize(m_exchange->roster.size());
        const Epoch target = m_exchange->key.round.target;
        const std::vector<float> mean(m_initial->values.size(), value);
        result.value = m_exchange->start_anew
                           ? make_merged_reference(*m_exchange->start_anew, target, mean)
                           : make_next_reference(*m_node.core()->reference(), target, mean);
        m_exchange.reset();
        m_node.on_exchange_done(result, m_now);
    }

    void blame() {
        const Member member = node_options(some_peer()).self;
        switch (m_in.below(4)) {
            case 0:
                return m_node.on_stalled(member, m_now);
            case 1:
                return m_node.on_unusable_contribution(member, "is infinite", m_now);
            case 2:
                return m_node.on_pull_failed(Error{"another digest"}, m_now);
            default:
                return m_node.on_exchange_progress(m_now);
        }
    }

    [[nodiscard]] std::span<const std::byte> raw() { return std::as_bytes(m_in.piece()); }
    [[nodiscard]] int some_peer() { return static_cast<int>(m_in.below(4)); }
    [[nodiscard]] discovery::ConnectionId some_connection() { return connection_of(some_peer()); }

    Input& m_in;
    AveragingSettings m_settings;
    ReferencePointer m_initial;
    Instant m_now = Instant{} + 1h;
    peer::Node m_node;
    std::array<SequenceNumber, 3> m_sequences{peer::first_sequence(Incarnation(1)),
                                              peer::first_sequence(Incarnation(1)),
                                              peer::first_sequence(Incarnation(1))};
    std::optional<ExchangeOrder> m_exchange;
    std::uint64_t m_steps = 0;
    std::uint64_t m_since_reference = 0;
};

}  // namespace

void run(std::span<const std::uint8_t> input) {
    Input in(input);
    Session session(in);
    session.carry_out();
    while (!in.empty()) {
        session.step();
        session.carry_out();
    }
}

}  // namespace dynavg::fuzz
