#pragma once

#include <optional>
#include <vector>

#include <sys/types.h>

namespace dynavg::daemon {

/// The user at the other end of a Unix socket, as the kernel knows it.
struct Credentials {
    uid_t user = 0;
    gid_t group = 0;
    std::vector<gid_t> further_groups{};
};

/// The users that a daemon answers.
struct Admission {
    uid_t own_user = 0;
    gid_t socket_group = 0;  ///< Of the socket file.
};

/// root, the daemon's own user, and members of the socket's group. The file's mode says the same;
/// but a mode is quickly changed, and a folder quickly shared.
[[nodiscard]] bool may_ask(const Admission& admission, const Credentials& who);

/// As they were when the connection was made; none if the kernel does not tell.
[[nodiscard]] std::optional<Credentials> credentials_of(int socket);

}  // namespace dynavg::daemon
