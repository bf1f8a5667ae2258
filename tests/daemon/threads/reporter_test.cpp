#include "daemon/threads/reporter.hpp"

#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "tests/catch.hpp"

using namespace dynavg::daemon;

namespace {

struct Handlers {
    std::function<void(int)> on_number;
};

}  // namespace

TEST_CASE("reports of a thread are called on the io thread, in order", "[reporter]") {
    boost::asio::io_context io;
    std::vector<int> heard;
    const auto here = std::this_thread::get_id();
    bool elsewhere = false;
    const auto reporter =
        std::make_shared<Reporter<Handlers>>(io, Handlers{[&](int number) {
                                                 elsewhere |= std::this_thread::get_id() != here;
                                                 heard.push_back(number);
                                             }});
    std::thread([&reporter] {
        for (int i = 0; i < 5; ++i) {
            reporter->report([i](const Handlers& handlers) { handlers.on_number(i); });
        }
    }).join();
    CHECK(heard.empty());
    io.run();
    CHECK(heard == std::vector<int>{0, 1, 2, 3, 4});
    CHECK_FALSE(elsewhere);
}

TEST_CASE("nothing is called after stop(), neither what is on its way nor what comes",
          "[reporter]") {
    boost::asio::io_context io;
    int heard = 0;
    auto reporter = std::make_shared<Reporter<Handlers>>(io, Handlers{[&](int) { ++heard; }});
    const auto number = [](const Handlers& handlers) { handlers.on_number(1); };
    const auto stop = [&reporter](const Handlers& handlers) {
        handlers.on_number(1);
        reporter->stop();
    };
    reporter->report(stop);
    reporter->report(number);
    io.run();
    CHECK(heard == 1);
    reporter->report(number);
    const std::weak_ptr<Reporter<Handlers>> last = reporter;
    reporter.reset();
    CHECK_FALSE(last.expired());  // The call that is on its way holds it.
    io.restart();
    io.run();
    CHECK(heard == 1);
    CHECK(last.expired());
}
