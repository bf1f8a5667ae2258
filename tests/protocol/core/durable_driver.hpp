#pragma once

#include "protocol/base/limits.hpp"
#include "protocol/core/node_core.hpp"
#include "tests/catch.hpp"
#include "tests/protocol/core/core_driver.hpp"

namespace dynavg::protocol {

inline CoreDriver durable_trio(int self = 0) {
    Roster others = peers({0, 1, 2});
    std::erase(others, peer(self));
    return CoreDriver({.self = self,
                       .averaging = norm_settings(),
                       .others = others,
                       .start_peers = 3,
                       .durable = true});
}

inline Actions written(CoreDriver& driver, const Promise& promise) {
    driver.core.on_promise_written(promise, driver.now);
    return driver.core.take_actions(driver.now);
}

inline Actions written(CoreDriver& driver, const Prepared& prepared) {
    driver.core.on_prepared_written(prepared, driver.now);
    return driver.core.take_actions(driver.now);
}

/// At epoch 1 with this roster behind it, as an earlier life left it on disk.
inline RestoredCore restored_at(const CoreDriver& model, const Roster& roster) {
    RestoredCore restored;
    restored.reference = make_next_reference(*model.initial, Epoch(1), {1, 1, 1, 1});
    restored.history = {{model.initial->id, {}}, {restored.reference->id, roster}};
    return restored;
}

inline CoreDriver restarted(RestoredCore restored, int self = 0, std::uint32_t life = 5,
                            const Roster& others = peers({1, 2})) {
    CoreDriver driver({.self = self,
                       .averaging = norm_settings(),
                       .others = others,
                       .start_peers = 3,
                       .restored = std::move(restored),
                       .life = life});
    for (PeerInfo& other : driver.view.peers) other.reference = driver.core.reference()->id;
    driver.look();
    driver.installed();
    return driver;
}

/// Peer 3 of four has gone in mid-round: 0 and 2 say so too, and agree on the rest.
inline void miss_peer_3(CoreDriver& driver) {
    driver.info(3).live = false;
    driver.look();
    RoundState word = driver.agreeing();
    word.sets.accusations = {{peer(0), peer(3)}, {peer(2), peer(3)}};
    driver.hear(0, word);
    driver.agree();
}

/// 0 and 2 are prepared for what this peer is prepared for.
inline void acknowledge(CoreDriver& driver) {
    const RoundState word = driver.agreeing(driver.core.round()->prepared());
    driver.hear(0, word);
    if (driver.core.round()) driver.hear(2, word);
}

inline Promise promise_of(std::uint32_t target, std::uint32_t attempt, std::uint32_t life = 1) {
    Promise promise;
    promise.incarnation = Incarnation(life);
    promise.remembers = Incarnation(1);
    promise.target = Epoch(target);
    promise.attempt = Attempt(attempt);
    return promise;
}

}  // namespace dynavg::protocol
