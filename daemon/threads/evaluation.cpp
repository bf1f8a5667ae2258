#include "daemon/threads/evaluation.hpp"

#include <exception>
#include <string>
#include <utility>

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>

#include "daemon/threads/thread_name.hpp"

namespace dynavg::daemon {

namespace {

Expected<protocol::Evaluation, Error> measure(const EvaluateFunction& evaluate,
                                              std::span<const float> values, std::uint64_t step) {
    try {
        return evaluate(values, step);
    } catch (const std::exception& error) {
        return fail(std::string("measuring the reference on the test set has failed: ") +
                    error.what());
    }
}

}  // namespace

struct EvaluationThread::Parts {
    Parts(boost::asio::io_context& loop, EvaluateFunction function, EvaluationHandlers done)
        : io(loop), evaluate(std::move(function)), handlers(std::move(done)) {}

    boost::asio::io_context& io;
    EvaluateFunction evaluate;
    EvaluationHandlers handlers;
    bool busy = false;
    bool stopped = false;
    protocol::ReferencePointer next;
    std::uint64_t next_step = 0;
    boost::asio::thread_pool thread{1};
};

EvaluationThread::EvaluationThread(boost::asio::io_context& io, EvaluateFunction evaluate,
                                   EvaluationHandlers handlers)
    : m_parts(std::make_shared<Parts>(io, std::move(evaluate), std::move(handlers))) {
    boost::asio::post(m_parts->thread, [] { name_this_thread("evaluator"); });
}

EvaluationThread::~EvaluationThread() {
    stop();
}

void EvaluationThread::evaluate(protocol::ReferencePointer reference, std::uint64_t step) {
    if (m_parts->stopped) return;
    if (m_parts->busy) {
        m_parts->next = std::move(reference);
        m_parts->next_step = step;
        return;
    }
    m_parts->busy = true;
    boost::asio::post(m_parts->thread, [this, parts = m_parts.get(), reference, step] {
        auto result = measure(parts->evaluate, reference->values, step);
        boost::asio::post(parts->io, [this, weak = std::weak_ptr(m_parts), id = reference->id,
                                      result = std::move(result)] {
            const auto alive = weak.lock();
            if (!alive || alive->stopped) return;
            alive->busy = false;
            if (auto waiting = std::exchange(alive->next, nullptr)) {
                evaluate(std::move(waiting), alive->next_step);
            }
            if (!result) return alive->handlers.on_error(result.error());
            alive->handlers.on_done(id, *result);
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
