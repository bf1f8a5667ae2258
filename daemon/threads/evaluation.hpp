#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>

#include "protocol/base/expected.hpp"
#include "protocol/reference/learner.hpp"
#include "protocol/reference/reference.hpp"

namespace boost::asio {
class io_context;
}

namespace dynavg::daemon {

/// Measures a parameter vector on the test data of that local step; called on the
/// evaluation thread only.
using EvaluateFunction =
    std::function<protocol::Evaluation(std::span<const float> values, std::uint64_t step)>;

/// Called on the io thread, from its loop, never after stop(). Both must be set.
struct EvaluationHandlers {
    std::function<void(protocol::ReferenceId, const protocol::Evaluation&)> on_done;
    /// The function has thrown; the next reference is measured all the same.
    std::function<void(Error)> on_error;
};

/// The thread "evaluator": measures references on the test set, so that neither training nor the
/// network waits for it. A reference that comes while one is being measured waits; only the latest
/// waits. Thread: the io thread, for everything.
class EvaluationThread {
public:
    EvaluationThread(boost::asio::io_context& io, EvaluateFunction evaluate,
                     EvaluationHandlers handlers);
    ~EvaluationThread();
    EvaluationThread(const EvaluationThread&) = delete;
    EvaluationThread& operator=(const EvaluationThread&) = delete;

    void evaluate(protocol::ReferencePointer reference, std::uint64_t step);
    /// No measurement is in progress or waits.
    [[nodiscard]] bool is_idle() const;
    /// Waits for the measurement in progress. Idempotent.
    void stop();

private:
    struct Parts;
    std::unique_ptr<Parts> m_parts;
};

}  // namespace dynavg::daemon
