#include "daemon/threads/evaluation.hpp"

#include <exception>
#include <string>
#include <utility>

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>

#include "daemon/threads/reporter.hpp"
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
        : evaluate(std::move(function)),
          reporter(std::make_shared<Reporter<EvaluationHandlers>>(loop, std::move(done))) {}

    EvaluateFunction evaluate;
    std::shared_ptr<Reporter<EvaluationHandlers>> reporter;
    bool busy = false;
    bool stopped = false;
    protocol::ReferencePointer next;
    std::uint64_t next_step = 0;
    boost::asio::thread_pool thread{1};
};

EvaluationThread::EvaluationThread(boost::asio::io_context& io, EvaluateFunction evaluate,
                                   EvaluationHandlers handlers)
    : m_parts(std::make_unique<Parts>(io, std::move(evaluate), std::move(handlers))) {
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
    boost::asio::post(m_parts->thread, [this, reference, step] {
        auto result = measure(m_parts->evaluate, reference->values, step);
        m_parts->reporter->report([this, id = reference->id,
                                   result = std::move(result)](const EvaluationHandlers& handlers) {
            m_parts->busy = false;
            if (auto waiting = std::exchange(m_parts->next, nullptr)) {
                evaluate(std::move(waiting), m_parts->next_step);
            }
            if (!result) return handlers.on_error(result.error());
            handlers.on_done(id, *result);
        });
    });
}

bool EvaluationThread::is_idle() const {
    return !m_parts->busy;
}

void EvaluationThread::stop() {
    m_parts->stopped = true;
    m_parts->reporter->stop();
    m_parts->thread.join();
}

}  // namespace dynavg::daemon
