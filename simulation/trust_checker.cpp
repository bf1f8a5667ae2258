#include "simulation/trust_checker.hpp"

#include <fmt/format.h>

namespace dynavg::simulation {

using protocol::PeerId;

void TrustChecker::on_started(const Peer& peer) {
    if (peer.desk() == nullptr) return;
    const bool from_nothing = peer.lives() == 1 || peer.disk().is_damaged();
    Said& said = m_said[peer.index()];
    if (from_nothing) said = {{}, {}, peer.options().keys->token};
    said.revoked = said.revoked_on_disk;
}

void TrustChecker::on_said(const Peer& peer, const TrustSaid& what) {
    Said& said = m_said[peer.index()];
    switch (what.what) {
        case TrustSaid::What::trust:
            said.revoked.erase(*what.key);
            return;
        case TrustSaid::What::revoke:
            said.revoked.insert(*what.key);
            said.token.reset();
            return;
        case TrustSaid::What::token:
            said.token = what.key;
            return;
    }
}

void TrustChecker::on_kept(const Peer& peer) {
    Said& said = m_said[peer.index()];
    said.revoked_on_disk = said.revoked;
}

TrustChecker::Wrong TrustChecker::on_let_in(const Peer& peer, const PeerId& key,
                                            peer::LetIn as) const {
    if (as == peer::LetIn::token_holder) return on_introduced(peer, key);
    if (!m_said.at(peer.index()).revoked.contains(key)) return std::nullopt;
    return fmt::format("peer {} lets in {}, which was revoked there", peer.index(),
                       key.fingerprint());
}

TrustChecker::Wrong TrustChecker::on_served(const Peer& peer, const PeerId& key,
                                            peer::Door door) const {
    if (!m_said.at(peer.index()).revoked.contains(key)) return std::nullopt;
    return fmt::format("peer {} serves {} at its {} door, and it was revoked there", peer.index(),
                       key.fingerprint(), name_of(door));
}

TrustChecker::Wrong TrustChecker::on_introduced(const Peer& peer, const PeerId& token) const {
    if (m_said.at(peer.index()).token == token) return std::nullopt;
    return fmt::format("peer {} is open to the token {}, which is void there", peer.index(),
                       token.fingerprint());
}

TrustChecker::Wrong TrustChecker::check(const Peer& peer) const {
    if (peer.desk() == nullptr) return std::nullopt;
    for (const PeerId& key : m_said.at(peer.index()).revoked) {
        const bool is_in =
            peer.desk()->list().is_trusted(key) || peer.node().membership().joined(key) != nullptr;
        if (!is_in) continue;
        return fmt::format("peer {} trusts {} again, which was revoked there", peer.index(),
                           key.fingerprint());
    }
    return std::nullopt;
}

}  // namespace dynavg::simulation
