#include "config/host.hpp"

#include <array>
#include <memory>

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>

namespace dynavg::config {

std::string first_interface_address(AddressFamily wanted) {
    const int family = wanted == AddressFamily::ipv6 ? AF_INET6 : AF_INET;
    const std::string loopback = family == AF_INET6 ? "::1" : "127.0.0.1";
    ifaddrs* list = nullptr;
    if (getifaddrs(&list) != 0) return loopback;
    const std::unique_ptr<ifaddrs, decltype(&freeifaddrs)> guard(list, &freeifaddrs);
    for (const ifaddrs* entry = list; entry != nullptr; entry = entry->ifa_next) {
        const bool usable = entry->ifa_addr != nullptr && (entry->ifa_flags & IFF_UP) != 0 &&
                            (entry->ifa_flags & IFF_LOOPBACK) == 0;
        if (!usable || entry->ifa_addr->sa_family != family) continue;
        std::array<char, INET6_ADDRSTRLEN> text{};
        const void* address = nullptr;
        if (family == AF_INET) {
            address = &reinterpret_cast<const sockaddr_in*>(entry->ifa_addr)->sin_addr;
        } else {
            const auto* v6 = reinterpret_cast<const sockaddr_in6*>(entry->ifa_addr);
            if (IN6_IS_ADDR_LINKLOCAL(&v6->sin6_addr)) continue;
            address = &v6->sin6_addr;
        }
        if (inet_ntop(family, address, text.data(), text.size()) != nullptr) return text.data();
    }
    return loopback;
}

}  // namespace dynavg::config
