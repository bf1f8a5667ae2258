#include "daemon/evaluation.hpp"

#include <utility>

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>

#include "daemon/thread_name.hpp"

namespace dynavg::daemon {

struct EvaluationThread::Parts {
    Parts(boost::asio::io_context& loop, EvaluateFunction function, Handler done)
        : io(loop), evaluate(std::move(function)), handler(std::move(done)) {}

    boost::asio::io_context& io;
    EvaluateFunction evaluate;
    Handler handler;
    bool busy = false;
    bool stopped = false;
    protocol::ReferencePointer next;
    boost::asio::thread_pool thread{1};
};

EvaluationThread::EvaluationThread(boost::asio::io_context& io, EvaluateFunction evaluate,
                                   Handler handler)
    : m_parts(std::make_shared<Parts>(io, std::move(evaluate), std::move(handler))) {
    boost::asio::post(m_parts->thread, [] { name_this_thread("evaluator"); });
}

EvaluationThread::~EvaluationThread() {
    stop();
}

void EvaluationThread::evaluate(protocol::ReferencePointer reference) {
    if (m_parts->stopped) return;
    if (m_parts->busy) {
        m_parts->next = std::move(reference);
        return;
    }
    m_parts->busy = true;
    boost::asio::post(m_parts->thread, [this, parts = m_parts.get(), reference] {
        const protocol::Evaluation result = parts->evaluate(reference->values);
        boost::asio::post(parts->io,
                          [this, weak = std::weak_ptr(m_parts), id = reference->id, result] {
                              const auto alive = weak.lock();
                              if (!alive || alive->stopped) return;
                              alive->busy = false;
                              if (auto waiting = std::exchange(alive->next, nullptr))
                                  evaluate(std::move(waiting));
                              alive->handler(id, result);
                          });
    });
}

bool EvaluationThread::is_idle() const {
    return !m_parts->busy;
}

void EvaluationThread::stop() {
    m_parts->stopped = true;
    m_parts->thread.join();
}

}  // namespace dynavg::daemon
