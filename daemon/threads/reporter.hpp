#pragma once

#include <memory>
#include <utility>

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

namespace dynavg::daemon {

/// Carries a thread's reports to the io thread: the calls that use the handlers are made there, in
/// the order in which they were reported, and none after stop(). So a handler, and everything that
/// a call captures of the thread's owner, must live until stop() and no longer.
///
/// report() may be called on any thread; stop() is the io thread's. Owned by a shared_ptr: a call
/// that is on its way holds it.
template <class Handlers>
class Reporter : public std::enable_shared_from_this<Reporter<Handlers>> {
public:
    Reporter(boost::asio::io_context& io, Handlers handlers)
        : m_io(io), m_handlers(std::move(handlers)) {}

    /// `call` takes `const Handlers&`.
    template <class Call>
    void report(Call call) {
        boost::asio::post(m_io,
                          [self = this->shared_from_this(), call = std::move(call)]() mutable {
                              if (!self->m_stopped) call(std::as_const(self->m_handlers));
                          });
    }

    void stop() { m_stopped = true; }

private:
    boost::asio::io_context& m_io;
    Handlers m_handlers;
    bool m_stopped = false;  ///< Used on the io thread only.
};

}  // namespace dynavg::daemon
