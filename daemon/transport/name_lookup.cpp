#include "daemon/transport/name_lookup.hpp"

#include <array>
#include <atomic>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <netdb.h>
#include <sys/socket.h>

namespace dynavg::daemon {

namespace {

std::atomic<int> lookups_under_way = 0;

/// Waits.
std::vector<std::string> look_up(const std::string& host, NameLookup::Family family) {
    addrinfo hints{};
    hints.ai_family = family == NameLookup::Family::ipv4 ? AF_INET : AF_UNSPEC;
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* found = nullptr;
    if (getaddrinfo(host.c_str(), nullptr, &hints, &found) != 0) return {};
    std::vector<std::string> addresses;
    for (const addrinfo* one = found; one != nullptr; one = one->ai_next) {
        std::array<char, NI_MAXHOST> text{};
        const int failed = getnameinfo(one->ai_addr, one->ai_addrlen, text.data(), text.size(),
                                       nullptr, 0, NI_NUMERICHOST);
        if (failed == 0) addresses.emplace_back(text.data());
    }
    freeaddrinfo(found);
    return addresses;
}

}  // namespace

/// Shared with the thread, which may outlive the loop.
struct NameLookup::State : std::enable_shared_from_this<State> {
    std::mutex mutex;                         ///< Guards `loop`.
    boost::asio::io_context* loop = nullptr;  ///< Null: nobody asks any more.
    OnDone on_done;                           ///< Only for the loop's thread.

    void deliver(std::vector<std::string> addresses) {
        const std::lock_guard lock(mutex);
        if (loop == nullptr) return;
        boost::asio::post(*loop, [self = shared_from_this(), found = std::move(addresses)] {
            const auto then = std::exchange(self->on_done, nullptr);
            if (then) then(found);
        });
    }
};

NameLookup::NameLookup(boost::asio::io_context& loop, std::string host, Family family,
                       OnDone on_done)
    : m_state(std::make_shared<State>()) {
    m_state->loop = &loop;
    m_state->on_done = std::move(on_done);
    if (lookups_under_way.fetch_add(1) >= kLookupsAtOnce) {
        --lookups_under_way;
        m_state->deliver({});
        return;
    }
    try {
        std::thread([state = m_state, name = std::move(host), family] {
            state->deliver(look_up(name, family));
            --lookups_under_way;
        }).detach();
    } catch (const std::system_error&) {
        --lookups_under_way;
        m_state->deliver({});
    }
}

NameLookup::~NameLookup() {
    m_state->on_done = nullptr;
    const std::lock_guard lock(m_state->mutex);
    m_state->loop = nullptr;
}

}  // namespace dynavg::daemon
