#include "peer/carry_out.hpp"

#include <utility>

namespace dynavg::peer {

namespace {

void carry_out_install(const Node& node, Shell& shell, const protocol::Install& install) {
    const protocol::Epoch epoch = install.reference->epoch;
    shell.write(
        Commit{install.reference, node.core()->history().between(protocol::Epoch(0), epoch)});
    shell.install(install);
}

void carry_out_rounds(const Node& node, Shell& shell, const protocol::Actions& actions) {
    if (actions.install) carry_out_install(node, shell, *actions.install);
    if (actions.freeze) shell.freeze(*actions.freeze);
    if (actions.abort_exchange) shell.abort_exchange();
    if (actions.prepared) shell.set_prepared(*actions.prepared);
    if (actions.start_exchange) shell.start_exchange(*actions.start_exchange);
    if (actions.abort_pull) shell.abort_pull();
    if (actions.pull) shell.pull(*actions.pull);
    if (actions.balance) shell.balance(*actions.balance);
    shell.allow_steps(actions.allowed_steps);
    if (actions.write_promise) shell.write(*actions.write_promise);
    if (actions.write_prepared) shell.write(*actions.write_prepared);
}

void carry_out_messages(Shell& shell, NodeActions& actions) {
    for (auto& [dial, hello] : actions.dials) shell.dial(dial, std::move(hello));
    for (auto& [connection, frame] : actions.replies) shell.reply(connection, std::move(frame));
    for (Frame& frame : actions.publish) shell.publish(std::move(frame));
    for (auto& [peer, frame] : actions.sends) shell.send(peer, std::move(frame));
    shell.published(actions.rounds.publish);
}

}  // namespace

void carry_out(Node& node, Shell& shell, protocol::Instant now) {
    carry_out(node, node.take_actions(now), shell);
}

void carry_out(const Node& node, NodeActions actions, Shell& shell) {
    if (actions.replaced) {
        for (protocol::Event& event : actions.events) shell.report(std::move(event));
        return shell.give_way();
    }
    if (actions.network_fields) return shell.settings_learned(*actions.network_fields);
    for (const protocol::PeerId& peer : actions.disconnects) shell.disconnect(peer);
    for (const std::string& address : actions.hangups) shell.hang_up(address);
    for (const discovery::Connect& one : actions.connects) shell.connect(one);
    if (node.core() != nullptr) carry_out_rounds(node, shell, actions.rounds);
    carry_out_messages(shell, actions);
    if (actions.known_peers) shell.write(std::move(*actions.known_peers));
    for (protocol::Event& event : actions.events) shell.report(std::move(event));
    for (const discovery::Told& told : actions.told) shell.take_word(told);
    for (const discovery::DialBack& asked : actions.dial_backs) shell.dial_back(asked);
    shell.wake_at(actions.next_tick);
}

}  // namespace dynavg::peer
