#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "peer/write_queue.hpp"
#include "protocol/base/event.hpp"
#include "protocol/base/expected.hpp"
#include "protocol/reference/reference.hpp"
#include "protocol/wire/durable.hpp"
#include "protocol/wire/messages.hpp"
#include "storage/checkpoint_store.hpp"

namespace boost::asio {
class io_context;
}

namespace dynavg::daemon {

struct StorageThreadOptions {
    std::shared_ptr<storage::Disk> disk;  ///< Used on the storage thread only, once it has started.
    protocol::ReferenceShape shape;
    protocol::Digest network;
};

/// Called on the io thread, from its loop, never after finish(). All must be set.
struct StorageThreadHandlers {
    std::function<void(const protocol::Promise&)> on_promise_written;
    std::function<void(const protocol::Prepared&)> on_prepared_written;
    /// checkpoint_written, and checkpoint_failed (warning).
    std::function<void(protocol::Event)> on_event;
    std::function<void(Error)> on_error;  ///< The thread has ended by an exception: our own bug.
};

using peer::CopyTraining;

/// The thread "storage": owns the checkpoints, so that no other thread waits for the disk.
/// peer::WriteQueue has the rules: the order of writes, and when a failed one is tried again. Told
/// are the first failure of its kind, a new reason, and that writing works again.
///
/// Thread: the io thread, for everything. Commands are no-ops before start() and after finish().
class StorageThread {
public:
    StorageThread(boost::asio::io_context& io, StorageThreadOptions options,
                  StorageThreadHandlers handlers);
    ~StorageThread();
    StorageThread(const StorageThread&) = delete;
    StorageThread& operator=(const StorageThread&) = delete;

    /// Reads the files that are there, on the calling thread; before start().
    [[nodiscard]] storage::Found load();
    void start();

    /// A copy of training is taken on the storage thread, when its turn has come.
    void write(peer::Write write);

    /// Room on the disk as of the last write; none if nothing is known.
    [[nodiscard]] std::optional<std::uint64_t> free_bytes() const;

    /// Writes all that waits, once, then the copy if there is one, and joins the thread. The copy
    /// is taken on the calling thread. Returns the event of the last copy, or the first failure.
    /// Idempotent.
    [[nodiscard]] std::vector<protocol::Event> finish(const CopyTraining& copy);

private:
    struct Parts;
    std::unique_ptr<Parts> m_parts;
};

}  // namespace dynavg::daemon
