#include "daemon/control/control_admission.hpp"

#include <algorithm>
#include <cerrno>

#include <sys/socket.h>

namespace dynavg::daemon {

bool may_ask(const Admission& admission, const Credentials& who) {
    const std::vector<gid_t>& further = who.further_groups;
    return who.user == 0 || who.user == admission.own_user || who.group == admission.socket_group ||
           std::find(further.begin(), further.end(), admission.socket_group) != further.end();
}

std::optional<Credentials> credentials_of(int socket) {
    ucred peer{};
    socklen_t size = sizeof peer;
    if (getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return std::nullopt;
    Credentials who{.user = peer.uid, .group = peer.gid};
    // Tells how much room it needs if there is too little.
    who.further_groups.resize(64);
    while (true) {
        size = static_cast<socklen_t>(who.further_groups.size() * sizeof(gid_t));
        if (getsockopt(socket, SOL_SOCKET, SO_PEERGROUPS, who.further_groups.data(), &size) == 0) {
            who.further_groups.resize(size / sizeof(gid_t));
            return who;
        }
        if (errno != ERANGE) return std::nullopt;
        who.further_groups.resize(size / sizeof(gid_t));
    }
}

}  // namespace dynavg::daemon
