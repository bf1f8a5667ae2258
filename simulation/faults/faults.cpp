#include "simulation/faults/faults.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <set>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "protocol/base/check.hpp"

namespace dynavg::simulation {

using protocol::Duration;
using namespace std::chrono_literals;

namespace {

enum class Target : std::uint8_t { peer, links };
enum class Length : std::uint8_t { needed, optional, none };

/// How one kind is written.
struct Form {
    FaultKind kind;
    std::string_view name;
    Target target;
    Length length;
    std::string_view amount;  ///< Meaning of `amount`; empty: there is none.
    std::string_view help;
};

constexpr std::array kForms{
    Form{FaultKind::crash, "crash", Target::peer, Length::optional, "",
         "crash@30s:2+10s             peer 2 loses power and starts again after 10 s"},
    Form{FaultKind::wipe, "wipe", Target::peer, Length::optional, "",
         "wipe@30s:2+10s              the same, without its disk"},
    Form{FaultKind::torn, "torn", Target::peer, Length::optional, "",
         "torn@30s:2+10s              the same, with damage in what was being written"},
    Form{FaultKind::leave, "leave", Target::peer, Length::optional, "",
         "leave@30s:2+10s             it leaves cleanly and comes back after 10 s"},
    Form{FaultKind::freeze, "freeze", Target::peer, Length::needed, "",
         "freeze@30s:2+5s             it stands still"},
    Form{FaultKind::slow, "slow", Target::peer, Length::optional, "factor",
         "slow@30s:2*100+60s          its steps take 100 times as long"},
    Form{FaultKind::clock, "clock", Target::peer, Length::needed, "",
         "clock@30s:2+60s             its clock jumps 60 s ahead"},
    Form{FaultKind::full, "full", Target::peer, Length::optional, "",
         "full@30s:2+60s              its disk is full"},
    Form{FaultKind::rot, "rot", Target::peer, Length::optional, "",
         "rot@30s:2+60s               references that others pull from it are damaged"},
    Form{FaultKind::diverge, "diverge", Target::peer, Length::none, "",
         "diverge@30s:2               its model is infinite or not a number from now on"},
    Form{FaultKind::revoke, "revoke", Target::peer, Length::optional, "",
         "revoke@30s:2+60s            its key is revoked at all others, and trusted again"},
    Form{FaultKind::token, "token", Target::peer, Length::optional, "",
         "token@30s:2+10s             its token is closed while it is shown; then a new one"},
    Form{FaultKind::lie, "lie", Target::peer, Length::optional, "",
         "lie@30s:2+60s               its contributions are infinite, or larger than it says"},
    Form{
        FaultKind::part, "part", Target::links, Length::optional, "",
        "part@30s:0.1|2.3+60s        0 and 1 are cut off from 2 and 3; \"part@30s:0.1\": from all"},
    Form{FaultKind::mute, "mute", Target::links, Length::optional, "",
         "mute@30s:0.1|2.3+60s        2 and 3 do not hear 0 and 1"},
    Form{FaultKind::bulk, "bulk", Target::links, Length::optional, "",
         "bulk@30s:0.1|2.3+60s        no models pass between them"},
    Form{FaultKind::clog, "clog", Target::links, Length::optional, "bytes per second",
         "clog@30s:0|1*8000+60s       8000 bytes per second pass between them"},
    Form{FaultKind::lag, "lag", Target::links, Length::optional, "milliseconds",
         "lag@30s:0|1*500+60s         messages between them take 500 ms longer"},
    Form{FaultKind::loss, "loss", Target::links, Length::optional, "percent",
         "loss@30s:0|1*20+60s         20 % more of the gossip between them is lost"},
};

const Form& form_of(FaultKind kind) {
    const auto found = std::find_if(kForms.begin(), kForms.end(),
                                    [kind](const Form& form) { return form.kind == kind; });
    DYNAVG_CHECK(found != kForms.end());
    return *found;
}

constexpr std::array<std::pair<FaultMoment, std::string_view>, 4> kMoments{
    {{FaultMoment::prepared, "prepared"},
     {FaultMoment::installed, "installed"},
     {FaultMoment::frozen, "frozen"},
     {FaultMoment::restarted, "restarted"}}};

std::string_view name_of(FaultMoment moment) {
    const auto found = std::find_if(kMoments.begin(), kMoments.end(),
                                    [moment](const auto& known) { return known.first == moment; });
    DYNAVG_CHECK(found != kMoments.end());
    return found->second;
}

std::optional<FaultMoment> moment_of(std::string_view name, FaultKind kind) {
    for (const auto& [moment, known] : kMoments) {
        if (known == name && fits(kind, moment)) return moment;
    }
    return std::nullopt;
}

// --- reading ----------------------------------------------------------------------------------

/// Takes the text up to the first of `ends` off the front of `rest`.
std::string_view take(std::string_view& rest, std::string_view ends) {
    const std::string_view part = rest.substr(0, rest.find_first_of(ends));
    rest.remove_prefix(part.size());
    return part;
}

template <class Number>
std::optional<Number> number_of(std::string_view text) {
    Number number{};
    const char* end = text.data() + text.size();
    const auto result = std::from_chars(text.data(), end, number);
    if (text.empty() || result.ec != std::errc() || result.ptr != end) return std::nullopt;
    return number;
}

std::optional<Duration> duration_of(std::string_view text) {
    constexpr std::array<std::pair<std::string_view, Duration>, 3> kUnits{
        {{"ms", 1ms}, {"s", 1s}, {"m", 1min}}};
    constexpr std::uint64_t kMost = 1'000'000'000;
    for (const auto& [unit, length] : kUnits) {
        if (!text.ends_with(unit)) continue;
        const auto count = number_of<std::uint64_t>(text.substr(0, text.size() - unit.size()));
        if (!count || *count > kMost) return std::nullopt;
        const Duration time = static_cast<Duration::rep>(*count) * length;
        // Minutes are written as seconds, and those must be readable.
        return time / 1s <= static_cast<Duration::rep>(kMost) ? std::optional(time) : std::nullopt;
    }
    return std::nullopt;
}

std::optional<std::vector<PeerIndex>> peers_of(std::string_view text, std::size_t peers) {
    std::set<PeerIndex> indices;
    while (true) {
        const auto index = number_of<PeerIndex>(take(text, "."));
        if (!index || *index >= peers || !indices.insert(*index).second) return std::nullopt;
        if (text.empty()) return std::vector(indices.begin(), indices.end());
        text.remove_prefix(1);
    }
}

/// Reads one fault; says what is wrong with it.
class Reader {
public:
    Reader(std::string_view text, std::size_t peers) : m_text(text), m_rest(text), m_peers(peers) {}

    Expected<Fault, Error> read() {
        const std::string_view name = take(m_rest, "@");
        const auto form = std::find_if(kForms.begin(), kForms.end(),
                                       [name](const Form& known) { return known.name == name; });
        if (form == kForms.end()) return wrong(fmt::format("\"{}\" is no kind of fault", name));
        m_fault.kind = form->kind;
        std::string problem = read_when();
        if (problem.empty()) problem = read_who(*form);
        if (problem.empty()) problem = read_amount(*form);
        if (problem.empty()) problem = read_length(*form);
        if (!problem.empty()) return wrong(problem);
        if (!m_rest.empty()) return wrong(fmt::format("\"{}\" is too much", m_rest));
        return m_fault;
    }

private:
    Expected<Fault, Error> wrong(std::string_view problem) const {
        return fail(fmt::format("fault \"{}\": {}", m_text, problem));
    }
    [[nodiscard]] bool next_is(char mark) {
        if (!m_rest.starts_with(mark)) return false;
        m_rest.remove_prefix(1);
        return true;
    }
    std::string read_when() {
        const auto at = next_is('@') ? duration_of(take(m_rest, "#:")) : std::nullopt;
        if (!at) return "after its kind it needs a time, like @30s or @1500ms";
        m_fault.at = *at;
        if (!next_is('#')) return "";
        const bool diverges = m_fault.kind == FaultKind::diverge;
        if (!is_crash(m_fault.kind) && !diverges) {
            return "only crash, wipe, torn and diverge can wait for something (#)";
        }
        const std::string_view what = take(m_rest, ":");
        m_fault.moment = moment_of(what, m_fault.kind);
        if (m_fault.moment) return "";
        if (diverges) return "after # it needs frozen or restarted";
        const auto message = number_of<std::uint32_t>(what);
        if (!message || *message == 0) {
            return "after # it needs the number of a message, from 1 on, or prepared or installed";
        }
        m_fault.message = *message;
        return "";
    }
    std::string read_who(const Form& form) {
        const std::string unknown = fmt::format("peers are 0 to {}, each once", m_peers - 1);
        const auto peers = next_is(':') ? peers_of(take(m_rest, "|*+"), m_peers) : std::nullopt;
        if (!peers) return "it needs who, like :2 or :0.1|2; " + unknown;
        m_fault.peers = *peers;
        if (form.target == Target::peer && peers->size() > 1) return "it befalls one peer";
        if (form.target == Target::peer || !next_is('|')) return "";
        const auto others = peers_of(take(m_rest, "*+"), m_peers);
        const bool apart = others && std::none_of(others->begin(), others->end(), [&](auto other) {
                               return std::binary_search(peers->begin(), peers->end(), other);
                           });
        if (!apart) return "after | it needs the other side; " + unknown;
        m_fault.others = *others;
        return "";
    }
    std::string read_amount(const Form& form) {
        if (form.amount.empty()) return "";
        const auto amount =
            next_is('*') ? number_of<std::uint64_t>(take(m_rest, "+")) : std::nullopt;
        constexpr std::uint64_t kMost = 1'000'000'000;
        const bool possible = amount && *amount > 0 && *amount <= kMost &&
                              (m_fault.kind != FaultKind::loss || *amount <= 100);
        if (!possible) return fmt::format("it needs * and a number: the {}", form.amount);
        m_fault.amount = *amount;
        return "";
    }
    std::string read_length(const Form& form) {
        if (form.length == Length::none) return "";
        if (!next_is('+')) {
            return form.length == Length::needed ? "it needs + and how long, like +10s" : "";
        }
        m_fault.length = duration_of(take(m_rest, ""));
        return m_fault.length ? "" : "after + it needs how long, like 10s or 500ms";
    }

    std::string_view m_text;
    std::string_view m_rest;
    std::size_t m_peers;
    Fault m_fault;
};

std::string text_of(Duration time) {
    return time % 1s == 0s ? fmt::format("{}s", time / 1s) : fmt::format("{}ms", time / 1ms);
}

std::string text_of(const Fault& fault) {
    std::string text = fmt::format("{}@{}", name_of(fault.kind), text_of(fault.at));
    if (fault.message > 0) text += fmt::format("#{}", fault.message);
    if (fault.moment) text += fmt::format("#{}", name_of(*fault.moment));
    text += fmt::format(":{}", fmt::join(fault.peers, "."));
    if (!fault.others.empty()) text += fmt::format("|{}", fmt::join(fault.others, "."));
    if (fault.amount > 0) text += fmt::format("*{}", fault.amount);
    if (fault.length) text += "+" + text_of(*fault.length);
    return text;
}

// --- drawing ----------------------------------------------------------------------------------

/// Draws faults of one mix of kinds.
class Mix {
public:
    Mix(const FaultLimits& limits, Dice& dice) : m_limits(limits), m_dice(dice) {
        while (m_kinds.empty()) {
            for (const Form& form : kForms) {
                if (!is_possible(form.kind) || m_dice.once_in(2)) continue;
                // Crashes have the most ways to go wrong.
                m_kinds.insert(m_kinds.end(), is_crash(form.kind) ? 4 : 1, form.kind);
            }
        }
        if (!limits.keys) return;
        m_kinds.insert(m_kinds.end(), 4, FaultKind::token);
        if (limits.revoked_max > 0) m_kinds.insert(m_kinds.end(), 4, FaultKind::revoke);
    }

    Fault draw() {
        Fault fault;
        fault.kind = m_kinds[m_dice.between(0, m_kinds.size() - 1)];
        // Some come together: one fault may keep the damage of another one from being mended.
        fault.at = m_last && m_dice.once_in(3)
                       ? std::min(m_limits.end, *m_last + m_dice.magnitude_ms(1, 3'000))
                       : m_dice.milliseconds(static_cast<std::uint64_t>(m_limits.begin / 1ms),
                                             static_cast<std::uint64_t>(m_limits.end / 1ms));
        m_last = fault.at;
        fault.length = m_dice.magnitude_ms(100, 40'000);
        if (is_of_links(fault.kind)) {
            draw_sides(fault);
        } else {
            fault.peers = {draw_peer()};
        }
        if (fault.kind == FaultKind::revoke) draw_revocation(fault);
        if (is_crash(fault.kind)) draw_crash(fault);
        if (fault.kind == FaultKind::slow) fault.amount = m_dice.magnitude(2, 100);
        if (fault.kind == FaultKind::clog) fault.amount = m_dice.magnitude(1'000, 200'000);
        if (fault.kind == FaultKind::lag) fault.amount = m_dice.magnitude(50, 3'000);
        if (fault.kind == FaultKind::loss) fault.amount = m_dice.between(5, 30);
        return fault;
    }

    /// Two sides have one peer in common. The first side, with it, makes a reference without the
    /// second one and is gone at once; the common one crashes too, and soon meets the second side:
    /// all that is known there is what it remembers.
    void draw_hinge(FaultSchedule& faults) {
        std::vector<PeerIndex> order(m_limits.peers);
        for (PeerIndex i = 0; i < order.size(); ++i) {
            order[i] = i;
            std::swap(order[i], order[m_dice.between(0, i)]);
        }
        const PeerIndex hinge = order.back();
        order.pop_back();
        const auto half =
            order.begin() + static_cast<std::ptrdiff_t>((order.size() + m_dice.between(0, 1)) / 2);
        Fault cut;
        cut.kind = FaultKind::part;
        cut.at = m_dice.milliseconds(static_cast<std::uint64_t>(m_limits.begin / 1ms),
                                     static_cast<std::uint64_t>(m_limits.end / 1ms));
        const std::uint64_t length_ms = m_dice.magnitude(100, 40'000);
        cut.length = m_dice.milliseconds(length_ms, length_ms);
        cut.peers.assign(half, order.end());
        cut.others.assign(order.begin(), half);
        cut.others.push_back(hinge);
        std::sort(cut.peers.begin(), cut.peers.end());
        std::sort(cut.others.begin(), cut.others.end());
        const Duration armed = std::min(m_limits.end, cut.at + m_dice.milliseconds(0, length_ms));
        for (const PeerIndex peer : cut.others) {
            Fault crash;
            crash.kind = FaultKind::crash;
            crash.at = armed;
            crash.peers = {peer};
            crash.moment = m_dice.once_in(3) ? FaultMoment::prepared : FaultMoment::installed;
            crash.length = m_dice.magnitude_ms(5'000, 40'000);
            if (peer == hinge) {
                crash.moment.reset();
                crash.kind = m_dice.once_in(2) ? FaultKind::wipe : FaultKind::crash;
                crash.length = m_dice.magnitude_ms(100, 3'000);
                draw_crash(crash);
                // It has given its word just before.
                if (is_crash(crash.kind) && m_dice.once_in(2)) {
                    crash.message = 0;
                    crash.moment = FaultMoment::prepared;
                }
            }
            faults.push_back(std::move(crash));
        }
        faults.push_back(std::move(cut));
    }

private:
    [[nodiscard]] bool is_possible(FaultKind kind) const {
        switch (kind) {
            case FaultKind::wipe:
                return m_limits.forgetful_max > 0;
            case FaultKind::torn:
                return m_limits.disks && m_limits.forgetful_max > 0;
            case FaultKind::crash:
            case FaultKind::leave:
            case FaultKind::full:
                return m_limits.disks;
            case FaultKind::rot:
                return m_limits.damage;
            case FaultKind::revoke:
                return m_limits.revoked_max > 0;
            case FaultKind::token:
                return m_limits.keys;
            case FaultKind::diverge:
            case FaultKind::lie:
                return false;
            default:
                return true;
        }
    }
    [[nodiscard]] PeerIndex draw_peer() { return m_dice.between(0, m_limits.peers - 1); }

    void draw_crash(Fault& fault) {
        const PeerIndex peer = fault.peers.front();
        if (fault.kind != FaultKind::crash) {
            const bool may =
                m_forgetful.contains(peer) || m_forgetful.size() < m_limits.forgetful_max;
            if (may) m_forgetful.insert(peer);
            if (!may) fault.kind = m_limits.disks ? FaultKind::crash : FaultKind::freeze;
        }
        if (!is_crash(fault.kind)) return;
        const std::uint64_t when = m_dice.between(0, 5);
        if (when == 0) fault.moment = FaultMoment::prepared;
        if (when == 1) fault.moment = FaultMoment::installed;
        if (when >= 4) fault.message = static_cast<std::uint32_t>(m_dice.magnitude(1, 300));
        if (m_lost.size() < m_limits.lost_max && m_dice.once_in(6)) {
            m_lost.insert(peer);
            fault.length.reset();
        }
    }
    /// Each peer at most once, and never the first one, by which others find the network.
    void draw_revocation(Fault& fault) {
        const PeerIndex peer = m_dice.between(1, m_limits.peers - 1);
        const bool may = m_revoked.size() < m_limits.revoked_max && m_revoked.insert(peer).second;
        if (may) fault.peers = {peer};
        if (!may) fault.kind = FaultKind::token;
        if (may && m_dice.once_in(2)) fault.length.reset();
    }
    /// One against the rest, all on either side, or two sides and others that hear both.
    void draw_sides(Fault& fault) {
        const std::uint64_t shape = m_dice.between(0, 2);
        const PeerIndex one = draw_peer();
        const PeerIndex other = (one + m_dice.between(1, m_limits.peers - 1)) % m_limits.peers;
        for (PeerIndex peer = 0; peer < m_limits.peers; ++peer) {
            const std::uint64_t side = m_dice.between(0, shape);
            const bool first = peer == one || (shape > 0 && peer != other && side == 0);
            const bool second = peer == other || (!first && (shape < 2 || side == 1));
            if (first) fault.peers.push_back(peer);
            if (second) fault.others.push_back(peer);
        }
    }

    const FaultLimits& m_limits;
    Dice& m_dice;
    std::vector<FaultKind> m_kinds;
    std::optional<Duration> m_last;
    std::set<PeerIndex> m_forgetful;
    std::set<PeerIndex> m_revoked;
    std::set<PeerIndex> m_lost;
};

}  // namespace

std::string_view name_of(FaultKind kind) {
    return form_of(kind).name;
}

bool is_of_links(FaultKind kind) {
    return form_of(kind).target == Target::links;
}

bool is_crash(FaultKind kind) {
    return kind == FaultKind::crash || kind == FaultKind::wipe || kind == FaultKind::torn;
}

bool fits(FaultKind kind, FaultMoment moment) {
    const bool in_a_round = moment == FaultMoment::prepared || moment == FaultMoment::installed;
    return in_a_round ? is_crash(kind) : kind == FaultKind::diverge;
}

Expected<FaultSchedule, Error> parse_faults(std::string_view text, std::size_t peers) {
    FaultSchedule faults;
    while (true) {
        auto fault = Reader(take(text, ","), peers).read();
        if (!fault) return Unexpected<Error>(fault.error());
        faults.push_back(std::move(*fault));
        if (text.empty()) break;
        text.remove_prefix(1);
    }
    std::stable_sort(faults.begin(), faults.end(),
                     [](const Fault& a, const Fault& b) { return a.at < b.at; });
    return faults;
}

std::string to_string(const FaultSchedule& faults) {
    std::string text;
    for (const Fault& fault : faults) {
        if (!text.empty()) text += ',';
        text += text_of(fault);
    }
    return text;
}

std::string fault_grammar() {
    std::string text;
    for (const Form& form : kForms) text += fmt::format("  {}\n", form.help);
    return text;
}

FaultSchedule draw_faults(const FaultLimits& limits, Dice& dice) {
    DYNAVG_CHECK(limits.peers > 1);
    FaultSchedule faults;
    Mix mix(limits, dice);
    const std::size_t count = dice.magnitude(2, limits.faults_max);
    while (faults.size() < count) faults.push_back(mix.draw());
    const bool has_hinges = limits.disks && limits.peers > 2 && dice.once_in(2);
    for (std::uint64_t left = has_hinges ? dice.between(1, 3) : 0; left > 0; --left) {
        mix.draw_hinge(faults);
    }
    std::stable_sort(faults.begin(), faults.end(),
                     [](const Fault& a, const Fault& b) { return a.at < b.at; });
    return faults;
}

}  // namespace dynavg::simulation
