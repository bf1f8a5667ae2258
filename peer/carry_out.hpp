#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "peer/node.hpp"
#include "peer/write_queue.hpp"

namespace dynavg::peer {

/// What a shell must be able to do for a Node: the daemon does it with threads and sockets, the
/// simulator in virtual time. carry_out() calls it and decides the order. No call carries out
/// anything of the node again: what comes of a call is an input, and the next carry_out() takes
/// what follows from it. A shell whose process ends within carry_out() ignores the calls that are
/// left.
class Shell {
public:
    Shell() = default;
    Shell(const Shell&) = delete;
    Shell& operator=(const Shell&) = delete;
    virtual ~Shell() = default;

    /// This node joins with settings that it had still to learn; it starts anew with them.
    virtual void settings_learned(const protocol::NetworkFields& fields) = 0;

    /// A later life of this node runs at another address: this one ends, without a goodbye. Not for
    /// shells whose nodes never move.
    virtual void give_way() {}

    // --- who is there ---
    virtual void disconnect(const protocol::PeerId& peer) = 0;
    virtual void hang_up(const std::string& address) = 0;
    virtual void connect(const discovery::Connect& one) = 0;

    // --- the model: the trainer and the exchange ---
    /// The trainer and the exchange move to a reference.
    virtual void install(const protocol::Install& install) = 0;
    /// The exchange gets what the trainer's ledger freezes for this target.
    virtual void freeze(protocol::Epoch target) = 0;
    virtual void abort_exchange() = 0;
    virtual void set_prepared(const protocol::ReferencePointer& value) = 0;
    virtual void start_exchange(const protocol::ExchangeOrder& order) = 0;
    virtual void abort_pull() = 0;
    virtual void pull(const protocol::PullOrder& order) = 0;
    /// Node::on_balanced() tells what came of it.
    virtual void balance(const protocol::BalancingOrder& order) = 0;
    virtual void allow_steps(std::uint64_t total) = 0;

    // --- the disk ---
    /// For a WriteQueue; Node::on_promise_written() and on_prepared_written() tell what is on disk.
    /// Ignored by a shell without a disk.
    virtual void write(Write write) = 0;

    // --- messages ---
    /// Sends the Hello to an address.
    virtual void dial(const discovery::Dial& dial, Frame hello) = 0;
    virtual void reply(const discovery::ConnectionId& connection, Frame frame) = 0;
    virtual void publish(Frame frame) = 0;
    virtual void send(const protocol::PeerId& peer, Frame frame) = 0;
    /// What the rules have published, once it is sent: for who watches a network from outside.
    virtual void published(const std::vector<protocol::Message>& messages) { (void)messages; }

    // --- the log, and the next time ---
    virtual void report(protocol::Event event) = 0;
    virtual void take_word(const discovery::Told& told) = 0;
    virtual void dial_back(const discovery::DialBack& asked) = 0;
    /// Node::on_tick() then, at the latest; kNever: not by itself.
    virtual void wake_at(protocol::Instant when) = 0;
};

/// Carries out what the node asks for after an input, or after several, in this order:
///
/// 1. The end for a later life, after its event, or the learned settings. Nothing else is carried
/// out
///    then.
/// 2. Connections: what follows is sent over them.
/// 3. The reference goes to disk: a copy of training never gets there before its reference.
/// 4. The install: a contribution is frozen, and steps are made, on the new reference.
/// 5. The freeze: an exchange needs the contribution.
/// 6. The exchange and the pull: what is given up makes room for what is begun.
/// 7. The steps: the trainer may go on.
/// 8. Promise and prepared value go to disk, which works while messages are on their way.
/// 9. The messages: they tell of what has been done.
/// 10. The known peers go to disk, then the log, then the next wake-up.
void carry_out(Node& node, Shell& shell, protocol::Instant now);
/// The same, of actions that are taken already.
void carry_out(const Node& node, NodeActions actions, Shell& shell);

}  // namespace dynavg::peer
