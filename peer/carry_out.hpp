#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "peer/node.hpp"
#include "peer/write_queue.hpp"

namespace dynavg::peer {

/// The duties of a shell towards its Node: the daemon does them with threads and sockets, the
/// simulator in virtual time. carry_out() makes the calls and decides their order. No call calls
/// carry_out() again: the outcome of a call is an input to the node, and the next carry_out() takes
/// the actions that follow from it. A shell whose process ends within carry_out() ignores the calls
/// that are left.
class Shell {
public:
    Shell() = default;
    Shell(const Shell&) = delete;
    Shell& operator=(const Shell&) = delete;
    virtual ~Shell() = default;

    /// This node had to learn the network's settings, and has; it starts anew with them.
    virtual void settings_learned(const protocol::NetworkFields& fields) = 0;

    /// A later life of this node runs at another address: this one ends, without a goodbye. Not for
    /// shells whose nodes never move.
    virtual void give_way() {}

    // --- connections ---
    virtual void disconnect(const protocol::PeerId& peer) = 0;
    virtual void hang_up(const std::string& address) = 0;
    virtual void connect(const discovery::Connect& one) = 0;

    // --- the model: the trainer and the exchange ---
    /// The trainer and the exchange move to a reference.
    virtual void install(const protocol::Install& install) = 0;
    /// The exchange gets the contribution that the trainer's ledger freezes for this target.
    virtual void freeze(protocol::Epoch target) = 0;
    virtual void abort_exchange() = 0;
    virtual void set_prepared(const protocol::ReferencePointer& value) = 0;
    virtual void start_exchange(const protocol::ExchangeOrder& order) = 0;
    virtual void abort_pull() = 0;
    virtual void pull(const protocol::PullOrder& order) = 0;
    /// Answered by Node::on_balanced().
    virtual void balance(const protocol::BalancingOrder& order) = 0;
    virtual void allow_steps(std::uint64_t total) = 0;

    // --- the disk ---
    /// For a WriteQueue; once the disk has it, the shell calls Node::on_promise_written() or
    /// on_prepared_written(). Ignored by a shell without a disk.
    virtual void write(Write write) = 0;

    // --- messages ---
    /// Sends the Hello to an address.
    virtual void dial(const discovery::Dial& dial, Frame hello) = 0;
    virtual void reply(const discovery::ConnectionId& connection, Frame frame) = 0;
    virtual void publish(Frame frame) = 0;
    virtual void send(const protocol::PeerId& peer, Frame frame) = 0;
    /// The messages that the rules have published, once they are sent: for a watcher of the
    /// network.
    virtual void published(const std::vector<protocol::Message>& messages) { (void)messages; }

    // --- the log, trust, and the next wake-up ---
    virtual void report(protocol::Event event) = 0;
    virtual void take_word(const discovery::Told& told) = 0;
    virtual void dial_back(const discovery::DialBack& asked) = 0;
    /// Node::on_tick() is to be called then, at the latest; kNever: only after another input.
    virtual void wake_at(protocol::Instant when) = 0;
};

/// Carries out the node's actions after an input, or after several, in this order:
///
/// 1. The end for a later life, after its event, or the learned settings. Nothing else is carried
/// out
///    then.
/// 2. Connections: the messages below are sent over them.
/// 3. The reference goes to disk: a copy of training never gets there before its reference.
/// 4. The install: a contribution is frozen, and steps are made, on the new reference.
/// 5. The freeze: an exchange needs the contribution.
/// 6. The exchange and the pull: the old one is given up before a new one begins.
/// 7. The steps: the trainer may go on.
/// 8. Promise and prepared value go to disk, which works while messages are on their way.
/// 9. The messages: they tell of the steps above.
/// 10. The known peers go to disk, then the log, then the next wake-up.
void carry_out(Node& node, Shell& shell, protocol::Instant now);
/// The same, of actions that are taken already.
void carry_out(const Node& node, NodeActions actions, Shell& shell);

}  // namespace dynavg::peer
