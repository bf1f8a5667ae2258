#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "protocol/base/event.hpp"
#include "protocol/base/expected.hpp"
#include "protocol/reference/reference.hpp"

namespace boost::asio {
class io_context;
}

namespace dynavg::daemon {

/// Makes or replaces a file as a whole; called on the output thread only.
using WriteReference =
    std::function<Expected<void, Error>(const std::filesystem::path&, const protocol::Reference&)>;

struct OutputOptions {
    std::filesystem::path path;
    std::uint32_t every = 1;
    std::vector<std::string> hook;  ///< Empty: none.
    std::chrono::milliseconds hook_timeout{};
    std::string network;
    /// A write that failed is tried again so often.
    std::chrono::milliseconds retry_interval = std::chrono::seconds(10);
};

/// Whether the reference of epoch `next` is due to be written, after that of `last`. An epoch that
/// goes back is of another past, which replaced ours.
[[nodiscard]] bool output_is_due(std::optional<protocol::Epoch> last, protocol::Epoch next,
                                 std::uint32_t every);

/// The thread "output": writes references to a file for other programs, and runs a hook after each
/// one, so that no other thread waits for either. A reference that comes meanwhile waits; only the
/// latest waits. A failure is told once, and again for another reason: output_failed (tried again
/// by itself), hook_failed (not), both warnings; output_written is info.
///
/// Thread: the io thread, for everything; `on_event` is called there, never after stop().
class OutputThread {
public:
    OutputThread(boost::asio::io_context& io, OutputOptions options, WriteReference write,
                 std::function<void(protocol::Event)> on_event);
    ~OutputThread();
    OutputThread(const OutputThread&) = delete;
    OutputThread& operator=(const OutputThread&) = delete;

    void offer(protocol::ReferencePointer reference);
    /// Waits for a file that is being written; ends a hook. Idempotent.
    void stop();

private:
    struct Parts;
    std::unique_ptr<Parts> m_parts;
};

}  // namespace dynavg::daemon
