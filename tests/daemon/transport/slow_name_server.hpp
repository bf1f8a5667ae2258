#pragma once

namespace dynavg::daemon {

/// While it lives, this process waits for the address of "slow.test", as if no name server
/// answered; all other names are looked up as ever. One at a time.
class SlowNameServer {
public:
    SlowNameServer();
    /// Every waiting asker is told that there is no such name.
    ~SlowNameServer();
    SlowNameServer(const SlowNameServer&) = delete;
    SlowNameServer& operator=(const SlowNameServer&) = delete;
    [[nodiscard]] bool is_asked() const;
};

}  // namespace dynavg::daemon
