#pragma once

#include <map>
#include <optional>
#include <string>

#include "protocol/base/ids.hpp"

namespace dynavg::simulation {

/// The account of one peer's local steps over all its lives, for the invariant that each step
/// enters the references once. A peer *holds* its steps in all references up to its own, and in its
/// drift. Without a crash that is every step it made. A crash loses those that are neither on disk
/// nor frozen for a round; of the latter nobody can say until a reference of that epoch is
/// installed.
class StepLedger {
public:
    void on_step();
    void on_frozen(protocol::Epoch target, double held);
    /// `in_references`: steps in those up to the installed one.
    void on_crashed(protocol::Epoch installed, double in_references);
    /// The drift was not finite and has been dropped; a part frozen before may still enter a
    /// reference.
    void on_dropped(protocol::Epoch installed, double held);
    /// Freezes again what an earlier life gave: `steps`, which a model that has been dropped does
    /// not hold any more.
    void on_given_again(protocol::Epoch target, double held, double steps);
    /// Another life, that holds so much. `recorded`: the steps that it held by its local record, if
    /// there is one on its disk.
    void on_restarted(protocol::Epoch installed, double held, std::optional<double> recorded);

    /// The fault, if any.
    [[nodiscard]] std::optional<std::string> check(protocol::Epoch installed, double held,
                                                   double in_references);

private:
    void begin_anew(protocol::Epoch installed, double held);

    double m_low = 0;   ///< It holds at least this, once it is settled,
    double m_high = 0;  ///< and never more than that.
    bool m_settled = true;
    bool m_dropped = false;       ///< In this life.
    bool m_dropped_once = false;  ///< In any life.
    protocol::Epoch m_settles_at;
    struct Frozen {
        double held = 0;  ///< When it was frozen.
        bool by_former_life = false;
    };
    std::map<protocol::Epoch, Frozen> m_frozen;  ///< By target.
    double m_begun_with = 0;                     ///< Steps that this life held when it began.
    protocol::Epoch m_known;  ///< The last reference that any life has installed,
    double m_in_known = 0;    ///< and the peer's steps in those up to it.
};

}  // namespace dynavg::simulation
