#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <utility>
#include <variant>
#include <vector>

#include "protocol/base/ids.hpp"
#include "protocol/base/instant.hpp"
#include "protocol/core/actions.hpp"
#include "protocol/wire/messages.hpp"

namespace dynavg::protocol {

/// The history that a pull continues.
enum class Past : std::uint8_t {
    common,  ///< This peer's own: the source is merely ahead.
    other,   ///< The source's own, which replaces this peer's.
};

/// The source's past is not this peer's: the pull is over, and there is a fork.
struct ForkFound {
    ReferenceId theirs;
};
/// The next step after a page of the source's history: none, the next page, the reference, or a
/// fork.
using PageOutcome = std::variant<std::monostate, HistoryRequest, PullOrder, ForkFound>;

/// A reference that was pulled, with the history that leads to it.
struct Adopted {
    PeerId source;
    Past past = Past::common;
    std::vector<HistoryEntry> entries;
};

/// The latest words of a peer that is one epoch ahead, kept until this peer is there too.
struct EarlyMessages {
    Member from;
    std::optional<std::pair<Header, StateMessage>> state;
    std::optional<RoundState> round;
};

/// Gets the references that other peers have committed (docs/protocol.md, "Adopt"). It holds the
/// pull in progress, early words of peers that are ahead, and the value that was committed
/// elsewhere. It sends nothing and installs nothing.
///
/// A pull is *telling* (the source tells its history, page by page from this peer's reference on,
/// so that no epoch is missing) -> *fetching* (the exchange thread pulls the newest of these
/// references) -> *done*, or it is dropped: the source tells nonsense, fails, or is silent for
/// limits::kPullTimeout. One pull at a time. Any install ends it.
class Adoption {
public:
    // --- the pull ---
    /// Begins a pull, in place of the one in progress; `after` is where the history is to begin.
    [[nodiscard]] HistoryRequest pull(const ReferenceId& wanted, const PeerId& source, Past past,
                                      Epoch after, Instant now);
    [[nodiscard]] bool is_pulling() const { return m_pull.has_value(); }
    /// A page of this source's history is waited for.
    [[nodiscard]] bool awaits_history_of(const PeerId& source) const;
    [[nodiscard]] const ReferenceId& wanted() const { return m_pull->wanted; }
    [[nodiscard]] const PeerId& source() const { return m_pull->source; }
    [[nodiscard]] Past past() const { return m_pull->past; }
    /// A page of the history that is waited for. `entries` is not empty and its epochs grow;
    /// `own` is the reference in force here.
    [[nodiscard]] PageOutcome on_page(const std::vector<HistoryEntry>& entries,
                                      const ReferenceId& own, Instant now);
    void on_progress(Instant now);
    [[nodiscard]] bool has_timed_out(Instant now) const;
    /// The history that led to this reference, if it is the one that is pulled.
    [[nodiscard]] std::optional<Adopted> on_pulled(const ReferenceId& reference) const;
    void drop_pull() { m_pull.reset(); }

    // --- early words ---
    void keep_early(const Member& from, const Header& header, const StateMessage& state);
    void keep_early(const Member& from, const RoundState& round);
    [[nodiscard]] std::map<PeerId, EarlyMessages> take_early();
    template <class Keeps>
    void keep_only(Keeps keeps) {
        std::erase_if(m_early, [&keeps](const auto& entry) { return !keeps(entry.first); });
    }

    // --- values that others have committed ---
    /// A header has named this as its sender's reference.
    void on_committed_elsewhere(Epoch epoch, std::uint64_t tag) { m_committed = {epoch, tag}; }
    [[nodiscard]] bool is_committed_elsewhere(const ReferenceId& reference) const {
        return m_committed == std::pair(reference.epoch, reference.digest.high);
    }
    /// A header has named some reference of this epoch.
    [[nodiscard]] bool has_outcome(Epoch epoch) const {
        return m_committed && m_committed->first == epoch;
    }

    /// Another reference is in force.
    void on_reference();

private:
    struct Pull {
        ReferenceId wanted;
        PeerId source;
        Past past = Past::common;
        std::vector<HistoryEntry> entries;  ///< As far as the source has told its history.
        bool history_is_complete = false;
        Instant since;  ///< Of the last progress.
    };

    std::optional<Pull> m_pull;
    std::map<PeerId, EarlyMessages> m_early;
    /// Epoch and Digest::high, as a header has them.
    std::optional<std::pair<Epoch, std::uint64_t>> m_committed;
};

/// Epochs grow, and every one but the first has a roster behind it: a history that may be believed.
[[nodiscard]] bool is_consistent(const std::vector<HistoryEntry>& entries);

}  // namespace dynavg::protocol
