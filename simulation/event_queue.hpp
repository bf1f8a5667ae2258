#pragma once

#include <cstdint>
#include <functional>
#include <queue>
#include <vector>

#include "protocol/base/instant.hpp"

namespace dynavg::simulation {

/// Virtual time: the events to come, in order. Events of one instant happen in the order in which
/// they were added, so a run is a pure function of its seed.
class EventQueue {
public:
    [[nodiscard]] protocol::Instant now() const { return m_now; }
    [[nodiscard]] bool empty() const { return m_events.empty(); }
    [[nodiscard]] std::uint64_t handled() const { return m_handled; }

    /// Not before now.
    void at(protocol::Instant when, std::function<void()> event);
    void after(protocol::Duration delay, std::function<void()> event) {
        at(m_now + delay, std::move(event));
    }
    /// Moves the time to the next event and lets it happen; the queue is not empty.
    void run_next();

private:
    struct Entry {
        protocol::Instant when;
        std::uint64_t order;
        std::function<void()> event;
    };
    struct Later {
        bool operator()(const Entry& a, const Entry& b) const {
            return std::pair(a.when, a.order) > std::pair(b.when, b.order);
        }
    };
    std::priority_queue<Entry, std::vector<Entry>, Later> m_events;
    protocol::Instant m_now{};
    std::uint64_t m_added = 0;
    std::uint64_t m_handled = 0;
};

}  // namespace dynavg::simulation
