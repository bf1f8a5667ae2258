#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace boost::asio {
class io_context;
}

namespace dynavg::daemon {

/// Looks up the addresses of a host. The system's function waits for name servers, for many seconds
/// where none answers, and cannot be stopped: so each lookup has a thread of its own. Neither
/// another lookup nor the end of the loop waits for it (with Asio's resolver both would). At most
/// kLookupsAtOnce are under way; a further one finds nothing.
///
/// Thread: the loop's. Cost: a thread for as long as it takes.
class NameLookup {
public:
    static constexpr int kLookupsAtOnce = 64;
    /// Numeric, in the system's order; empty: there are none, or nobody knows.
    using OnDone = std::function<void(std::vector<std::string> addresses)>;
    enum class Family { ipv4, any };

    /// `on_done` is called by the loop, once; it may destroy the lookup.
    NameLookup(boost::asio::io_context& loop, std::string host, Family family, OnDone on_done);
    /// `on_done` is not called any more.
    ~NameLookup();
    NameLookup(const NameLookup&) = delete;
    NameLookup& operator=(const NameLookup&) = delete;

private:
    struct State;
    std::shared_ptr<State> m_state;
};

}  // namespace dynavg::daemon
