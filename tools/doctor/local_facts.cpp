#include "tools/doctor/local_facts.hpp"

#include <array>
#include <cerrno>
#include <cstring>
#include <span>
#include <string_view>
#include <system_error>

#include <fmt/format.h>
#include <grp.h>
#include <link.h>
#include <net/if.h>
#include <netdb.h>
#include <pwd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "daemon/transport/address.hpp"
#include "identity/key_file.hpp"
#include "identity/token.hpp"
#include "identity/trust.hpp"
#include "posix/descriptor.hpp"
#include "tools/doctor/port_holder.hpp"

namespace dynavg::doctor {

namespace fs = std::filesystem;

namespace {

std::string name_of_user(uid_t user) {
    const passwd* const entry = getpwuid(user);
    return entry == nullptr ? std::to_string(user) : entry->pw_name;
}

PrivateFileFacts look_at(const fs::path& path) {
    PrivateFileFacts facts;
    facts.path = path.string();
    struct stat about {};
    if (stat(path.c_str(), &about) == 0) {
        facts.exists = true;
        facts.mode = about.st_mode & 07777U;
        facts.owner = name_of_user(about.st_uid);
    } else if (errno != ENOENT) {
        facts.unreadable = std::strerror(errno);
    }
    return facts;
}

/// An address as the kernel knows it.
struct Resolved {
    sockaddr_storage address{};
    socklen_t size = 0;

    /// As /proc/net/tcp writes it.
    [[nodiscard]] std::string in_table() const {
        if (address.ss_family == AF_INET) {
            sockaddr_in v4{};
            std::memcpy(&v4, &address, sizeof v4);
            return table_address(std::as_bytes(std::span(&v4.sin_addr, 1)));
        }
        sockaddr_in6 v6{};
        std::memcpy(&v6, &address, sizeof v6);
        return table_address(std::as_bytes(std::span(&v6.sin6_addr, 1)));
    }
};

/// Where the host is the name of a network interface, any address of this machine.
std::optional<Resolved> resolve(const daemon::HostPort& where) {
    const bool any = if_nametoindex(where.host.c_str()) != 0;
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_PASSIVE;
    addrinfo* found = nullptr;
    const std::string port = std::to_string(where.port);
    if (getaddrinfo(any ? nullptr : where.host.c_str(), port.c_str(), &hints, &found) != 0) {
        return std::nullopt;
    }
    Resolved resolved;
    std::memcpy(&resolved.address, found->ai_addr, found->ai_addrlen);
    resolved.size = found->ai_addrlen;
    freeaddrinfo(found);
    return resolved;
}

/// 0, or why it cannot be listened at.
int try_to_bind(const Resolved& where) {
    const posix::Descriptor made(socket(where.address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!made.is_open()) return errno;
    // As ZeroMQ does it: connections of a moment ago are no hindrance.
    const int yes = 1;
    setsockopt(made.number(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    const auto* const address = reinterpret_cast<const sockaddr*>(&where.address);
    return bind(made.number(), address, where.size) == 0 ? 0 : errno;
}

PortFacts look_at_port(std::string_view use, const daemon::HostPort& address,
                       std::optional<std::int64_t> daemon_pid) {
    PortFacts facts;
    facts.use = use;
    facts.address = address.text();
    const auto where = resolve(address);
    const int reason = where ? try_to_bind(*where) : EADDRNOTAVAIL;
    facts.is_free = reason == 0;
    facts.in_use = reason == EADDRINUSE;
    if (reason != 0 && !facts.in_use) facts.error = std::strerror(reason);
    if (!facts.in_use) return facts;
    const auto holder = holder_of(where->in_table(), address.port);
    if (holder) facts.holder = fmt::format("{} (pid {})", holder->name, holder->pid);
    // A user who may not see the holder believes the daemon, which would not run without its ports.
    facts.is_ours = daemon_pid && (!holder || holder->pid == *daemon_pid);
    return facts;
}

int add_library(dl_phdr_info* info, std::size_t /*size*/, void* to) {
    if (info->dlpi_name == nullptr || *info->dlpi_name == '\0') return 0;
    std::error_code error;
    const fs::path resolved = fs::canonical(info->dlpi_name, error);
    static_cast<std::vector<std::string>*>(to)->push_back(error ? info->dlpi_name
                                                                : resolved.string());
    return 0;
}

}  // namespace

std::vector<PortFacts> look_at_ports(const config::Config& config,
                                     std::optional<std::int64_t> daemon_pid) {
    const auto settings = daemon::parse_bind(config.node.bind, config.node.advertise);
    if (!settings || settings->bind.port == 0) return {};
    using daemon::NodePort;
    constexpr std::array<std::pair<std::string_view, NodePort>, 3> kUses{
        {{"direct", NodePort::direct}, {"gossip", NodePort::gossip}, {"bulk", NodePort::bulk}}};
    std::vector<PortFacts> ports;
    for (const auto& [use, which] : kUses) {
        ports.push_back(look_at_port(use, daemon::bind_address(*settings, which), daemon_pid));
    }
    return ports;
}

std::string become_owner_of(const fs::path& folder) {
    struct stat about {};
    const bool changes = geteuid() == 0 && stat(folder.c_str(), &about) == 0 && about.st_uid != 0;
    if (changes) {
        const passwd* const entry = getpwuid(about.st_uid);
        const bool grouped = entry != nullptr ? initgroups(entry->pw_name, about.st_gid) == 0
                                              : setgroups(0, nullptr) == 0;
        const gid_t group = entry != nullptr ? entry->pw_gid : about.st_gid;
        if (!grouped || setresgid(group, group, group) != 0 ||
            setresuid(about.st_uid, about.st_uid, about.st_uid) != 0) {
            throw std::system_error(errno, std::generic_category(),
                                    "cannot become the daemon's user");
        }
    }
    return name_of_user(geteuid());
}

KeyFacts look_at_keys(const config::Config& config) {
    KeyFacts facts;
    facts.wanted = !config.security.insecure;
    if (!facts.wanted) return facts;
    const fs::path& folder = config.node.state_dir;
    facts.folder = look_at(folder);
    for (const char* name :
         {identity::kKeyFileName, identity::kTokenFileName, identity::kTrustFileName}) {
        facts.files.push_back(look_at(folder / name));
    }
    if (!facts.files.front().exists) return facts;
    const auto own = identity::load_identity(folder);
    if (own) {
        facts.own_key = own->id.hex();
    } else {
        facts.error = own.error().message;
    }
    return facts;
}

std::optional<std::uint64_t> free_bytes(const fs::path& folder) {
    struct statvfs about {};
    std::error_code error;
    // Before the first start it is still to be made.
    fs::path there = fs::absolute(folder, error);
    while (!fs::exists(there, error) && there.has_relative_path()) there = there.parent_path();
    if (statvfs(there.c_str(), &about) != 0) return std::nullopt;
    return std::uint64_t{about.f_bavail} * about.f_frsize;
}

std::vector<std::string> loaded_libraries() {
    std::vector<std::string> files;
    dl_iterate_phdr(&add_library, &files);
    return files;
}

}  // namespace dynavg::doctor
