#include "tests/daemon/transport/slow_name_server.hpp"

#include <condition_variable>
#include <mutex>
#include <string_view>

#include <dlfcn.h>
#include <netdb.h>

namespace dynavg::daemon {

namespace {

struct State {
    std::mutex mutex;
    std::condition_variable changed;
    bool holds = false;
    bool is_asked = false;
};

State& state() {
    static State one;
    return one;
}

}  // namespace

SlowNameServer::SlowNameServer() {
    const std::lock_guard lock(state().mutex);
    state().holds = true;
    state().is_asked = false;
}

SlowNameServer::~SlowNameServer() {
    const std::lock_guard lock(state().mutex);
    state().holds = false;
    state().changed.notify_all();
}

bool SlowNameServer::is_asked() const {
    const std::lock_guard lock(state().mutex);
    return state().is_asked;
}

}  // namespace dynavg::daemon

/// In place of the C library's, for this program and all its libraries.
extern "C" int getaddrinfo(const char* node, const char* service, const addrinfo* hints,
                           addrinfo** found) {
    using dynavg::daemon::state;
    if (node != nullptr && std::string_view(node) == "slow.test") {
        std::unique_lock lock(state().mutex);
        state().is_asked = true;
        state().changed.wait(lock, [] { return !state().holds; });
        return EAI_NONAME;
    }
    static const auto real =
        reinterpret_cast<decltype(&getaddrinfo)>(dlsym(RTLD_NEXT, "getaddrinfo"));
    return real(node, service, hints, found);
}
