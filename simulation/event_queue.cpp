#include "simulation/event_queue.hpp"

#include <algorithm>
#include <utility>

#include "protocol/base/check.hpp"

namespace dynavg::simulation {

void EventQueue::at(protocol::Instant when, std::function<void()> event) {
    m_events.push({std::max(when, m_now), m_added++, std::move(event)});
}

void EventQueue::run_next() {
    DYNAVG_CHECK(!m_events.empty());
    // top() is const only to protect the order, which a moved-from function does not touch.
    Entry entry = std::move(const_cast<Entry&>(m_events.top()));
    m_events.pop();
    m_now = entry.when;
    ++m_handled;
    entry.event();
}

}  // namespace dynavg::simulation
