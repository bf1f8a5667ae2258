#include "simulation/peer/peer_trust.hpp"

#include <array>
#include <span>
#include <utility>

#include "protocol/base/check.hpp"

namespace dynavg::simulation {

using protocol::PeerId;

namespace {

constexpr const char* kTokenFile = "token";
constexpr const char* kListFile = "trusted_peers";
constexpr std::size_t kFileBytesMax = 256 * 1024;
/// After that an introduction that was not answered is made over a new connection.
constexpr protocol::Duration kDoubtedAfter = std::chrono::seconds(5);

Expected<void, Error> write_text(SimDisk& disk, const char* name, const std::string& text) {
    const std::array parts{std::as_bytes(std::span(text))};
    return disk.write(name, parts);
}

std::optional<std::string> read_text(const SimDisk& disk, const char* name) {
    const auto bytes = disk.read(name, kFileBytesMax);
    if (!bytes) return std::nullopt;
    std::string text;
    for (const std::byte byte : *bytes) text += static_cast<char>(byte);
    return text;
}

/// The simulated secret is the public half of its key pair.
std::optional<PeerId> token_on(const SimDisk& disk) {
    const auto text = read_text(disk, kTokenFile);
    return text ? PeerId::from_hex(*text) : std::nullopt;
}

identity::TrustList list_on(const SimDisk& disk, const PeerKeys& keys) {
    identity::TrustList list;
    if (const auto text = read_text(disk, kListFile)) {
        DYNAVG_CHECK(list.read(*text).has_value());
    }
    std::set<PeerId> configured;
    for (const auto& [address, key] : keys.of_seeds) configured.insert(key);
    list.set_configured(std::move(configured));
    return list;
}

}  // namespace

void PeerTrust::join(const PeerKeys& keys, SimDisk& disk) {
    if (disk.list().empty() && keys.token) {
        (void)write_text(disk, kTokenFile, keys.token->hex());
    }
}

PeerTrust::PeerTrust(const PeerKeys& keys, PeerId self, SimDisk& disk, PeerTrustHandlers handlers)
    : m_disk(disk),
      m_handlers(std::move(handlers)),
      m_shown(token_on(disk)),
      m_desk({self, list_on(disk, keys), m_shown}) {}

bool PeerTrust::lets_in(const FarEnd& from, const PeerId& key, peer::Door door) {
    if (m_connected.contains({from, door})) return true;
    const auto let_in = m_desk.on_knock({key, door, {}}, m_handlers.now());
    if (let_in != peer::LetIn::peer) return false;
    m_handlers.on_let_in(key, let_in);
    m_connected.insert({from, door});
    return true;
}

bool PeerTrust::lets_in_by_token(const FarEnd& from, const PeerId& token) {
    const auto found = m_token_holders.find(from);
    if (found != m_token_holders.end() && m_handlers.now() < found->second.second) return true;
    m_token_holders.erase(from);
    const auto let_in = m_desk.on_knock({token, peer::Door::direct, {}}, m_handlers.now());
    if (let_in != peer::LetIn::token_holder) return false;
    m_handlers.on_let_in(token, let_in);
    m_token_holders.emplace(from, std::pair(token, m_handlers.now() + kDoubtedAfter));
    return true;
}

std::optional<PeerId> PeerTrust::token_of(const FarEnd& from) const {
    const auto found = m_token_holders.find(from);
    return found == m_token_holders.end() ? std::nullopt : std::optional(found->second.first);
}

void PeerTrust::carry_out(peer::TrustActions actions) {
    if (actions.keep) m_desk.on_kept(keep() ? peer::Kept::yes : peer::Kept::no, m_handlers.now());
    if (actions.remove_token) (void)m_disk.remove(kTokenFile);
    peer::tell(m_node->membership(), actions, m_handlers.now());
    if (actions.drop_subscribers) {
        std::erase_if(m_connected,
                      [](const auto& one) { return one.second == peer::Door::gossip; });
    }
    for (const protocol::Event& event : actions.events) m_handlers.on_event(event);
}

bool PeerTrust::keep() {
    if (!write_text(m_disk, kListFile, m_desk.list().text())) return false;
    m_handlers.on_kept();
    return true;
}

void PeerTrust::on_tick() {
    carry_out(m_desk.on_tick(m_handlers.now()));
}

bool PeerTrust::change_token(std::optional<PeerId> token) {
    const bool done = token ? write_text(m_disk, kTokenFile, token->hex()).has_value()
                            : m_disk.remove(kTokenFile).has_value();
    if (!done) return false;
    if (auto outcome = m_desk.set_token(token)) carry_out(std::move(*outcome));
    return true;
}

}  // namespace dynavg::simulation
