#include "tools/report/axis.hpp"

#include <limits>

#include "tests/catch.hpp"

using namespace dynavg::report;

namespace {

std::vector<std::string> labels(const Axis& axis) {
    std::vector<std::string> texts;
    for (const Tick& tick : axis.ticks()) texts.push_back(tick.label);
    return texts;
}

using Labels = std::vector<std::string>;
constexpr double kInfinite = std::numeric_limits<double>::infinity();
constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

}  // namespace

TEST_CASE("a linear axis ends at round numbers", "[axis]") {
    const Axis axis(Scale::linear, Quantity::count, {0, 3750});
    CHECK(labels(axis) == Labels{"0", "1,000", "2,000", "3,000", "4,000"});
    CHECK(axis.place_of(0) == 0);
    CHECK(axis.place_of(2000) == Approx(0.5));
    CHECK(axis.place_of(9000) == 1);
    CHECK(labels(Axis(Scale::linear, Quantity::number, {0, 0.62})) ==
          Labels{"0", "0.2", "0.4", "0.6", "0.8"});
}

TEST_CASE("counts have whole ticks", "[axis]") {
    CHECK(labels(Axis(Scale::linear, Quantity::count, {0, 2})) == Labels{"0", "1", "2"});
}

TEST_CASE("a logarithmic axis has powers of ten, and between them if they are few", "[axis]") {
    const Axis wide(Scale::logarithmic, Quantity::bytes, {3e6, 4e10});
    CHECK(labels(wide) == Labels{"10 MB", "100 MB", "1 GB", "10 GB"});
    CHECK(wide.min() == Approx(2e6));
    CHECK(wide.max() == Approx(5e10));
    CHECK(wide.place_of(2e6) == 0);
    CHECK(wide.place_of(5e10) == 1);
    CHECK(labels(Axis(Scale::logarithmic, Quantity::bytes, {2e6, 3e7})) ==
          Labels{"2 MB", "5 MB", "10 MB", "20 MB", "50 MB"});
    CHECK(Axis(Scale::logarithmic, Quantity::bytes, {1, 1e300}).ticks().size() <= 12);
    // Of a narrow range, a linear one tells more.
    CHECK(Axis(Scale::logarithmic, Quantity::bytes, {2e6, 3e6}).scale() == Scale::linear);
}

TEST_CASE("accuracies stand on the scale of their errors", "[axis]") {
    const Axis axis(Scale::error, Quantity::share, {0.5, 0.988});
    CHECK(labels(axis) == Labels{"50 %", "80 %", "90 %", "95 %", "98 %", "99 %"});
    CHECK(axis.place_of(0.9) - axis.place_of(0.8) ==
          Approx(axis.place_of(0.99) - axis.place_of(0.98)));
    CHECK(axis.place_of(0.5) == Approx(0).margin(1e-9));
    // No error at all is drawn as a small one.
    CHECK(Axis(Scale::error, Quantity::share, {0.5, 1}).place_of(1) == Approx(1));
    CHECK(Axis(Scale::error, Quantity::share, {0.97, 0.98}).scale() == Scale::linear);
}

TEST_CASE("an axis of one value, of none, and of what has no place", "[axis]") {
    for (const Scale scale : {Scale::linear, Scale::logarithmic, Scale::error}) {
        for (const auto& values : {std::vector<double>{}, {0.0}, {7.0}, {kInfinite, kNone}}) {
            const Axis axis(scale, Quantity::number, values);
            CAPTURE(static_cast<int>(scale), values.size());
            CHECK(axis.min() < axis.max());
            CHECK(axis.ticks().size() >= 2);
            CHECK(axis.ticks().size() <= 16);
            CHECK_FALSE(axis.has_place_for(kInfinite));
            CHECK_FALSE(axis.has_place_for(kNone));
        }
    }
    CHECK_FALSE(Axis(Scale::logarithmic, Quantity::bytes, {0, 1, 1000}).has_place_for(0));
    CHECK_FALSE(Axis(Scale::logarithmic, Quantity::bytes, {0, 1, 2}).has_place_for(0));
}
