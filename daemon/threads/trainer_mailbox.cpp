#include "daemon/threads/trainer_mailbox.hpp"

#include <utility>

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

namespace dynavg::daemon {

using protocol::StepReport;

namespace {

/// Only the latest of several step reports in a row matters.
bool replaces(const TrainerMailbox::Report& newer, const TrainerMailbox::Report& older) {
    const auto* after = std::get_if<StepReport>(&newer);
    const auto* before = std::get_if<StepReport>(&older);
    return after != nullptr && before != nullptr && after->state && before->state &&
           after->reference == before->reference;
}

}  // namespace

TrainerMailbox::TrainerMailbox(boost::asio::io_context& io, TrainerThreadHandlers handlers)
    : m_io(io), m_handlers(std::move(handlers)) {}

void TrainerMailbox::put(Report report) {
    const std::lock_guard lock(m_mutex);
    add(std::move(report));
    wake_up();
}

void TrainerMailbox::put_at_leisure(Report report, protocol::Instant now) {
    const std::lock_guard lock(m_mutex);
    add(std::move(report));
    if (now - m_last_wake_up < kWakeUpInterval) return;
    m_last_wake_up = now;
    wake_up();
}

void TrainerMailbox::flush() {
    const std::lock_guard lock(m_mutex);
    if (!m_reports.empty()) wake_up();
}

void TrainerMailbox::add(Report report) {
    if (!m_reports.empty() && replaces(report, m_reports.back())) {
        m_reports.back() = std::move(report);
    } else {
        m_reports.push_back(std::move(report));
    }
}

void TrainerMailbox::wake_up() {
    if (std::exchange(m_wake_up_pending, true)) return;
    boost::asio::post(m_io, [self = shared_from_this()] { self->deliver(); });
}

void TrainerMailbox::deliver() {
    std::deque<Report> reports;
    {
        const std::lock_guard lock(m_mutex);
        reports.swap(m_reports);
        m_wake_up_pending = false;
    }
    for (const Report& report : reports) {
        if (m_stopped) return;
        if (const auto* step = std::get_if<StepReport>(&report)) {
            m_handlers.on_report(*step);
        } else if (const auto* diverged = std::get_if<Diverged>(&report)) {
            m_handlers.on_diverged(diverged->steps_lost);
        } else {
            m_handlers.on_error(std::get<Error>(report));
        }
    }
}

}  // namespace dynavg::daemon
