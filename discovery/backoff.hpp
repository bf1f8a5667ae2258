#pragma once

#include <algorithm>

#include "protocol/base/instant.hpp"
#include "protocol/base/random.hpp"

namespace dynavg::discovery {

/// Exponential back-off with jitter: each delay is drawn from [3/4, 5/4] of a base that doubles
/// from `first` to `last`, so that peers that start together do not dial in step.
class Backoff {
public:
    Backoff(protocol::Duration first, protocol::Duration last)
        : m_first(first), m_last(last), m_base(first) {}

    [[nodiscard]] protocol::Duration next(protocol::RandomStream& random) {
        const double factor = 0.75 + 0.5 * random.uniform();
        const double delay_us = static_cast<double>(m_base.count()) * factor;
        m_base = std::min(m_base * 2, m_last);
        return protocol::Duration(static_cast<protocol::Duration::rep>(delay_us));
    }
    void reset() { m_base = m_first; }
    /// From now on delays grow up to `last`, or shrink to it.
    void limit(protocol::Duration last) {
        m_last = last;
        m_base = std::min(m_base, m_last);
    }

private:
    protocol::Duration m_first;
    protocol::Duration m_last;
    protocol::Duration m_base;
};

}  // namespace dynavg::discovery
