#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace dynavg::report {

enum class Scale : std::uint8_t {
    linear,
    logarithmic,
    /// Of an accuracy: its error, 1 - accuracy, logarithmically. 90 %, 99 % and 99.9 % are equally
    /// far apart, so that good models don't lie on top of each other.
    error
};

/// The unit of an axis: how its ticks are written.
enum class Quantity : std::uint8_t { number, count, bytes, share };

struct Tick {
    double value = 0;
    std::string label;
};

/// From values to a place between 0 and 1. Values beyond its ends are moved to the end.
class Axis {
public:
    /// Of the finite values among `values` that the scale has a place for; it ends at round ones.
    /// Where values spread little, a logarithmic scale becomes linear.
    Axis(Scale scale, Quantity quantity, const std::vector<double>& values);

    /// Finite, and above 0 on a logarithmic scale.
    [[nodiscard]] bool has_place_for(double value) const;
    [[nodiscard]] double place_of(double value) const;
    [[nodiscard]] double min() const { return m_min; }
    [[nodiscard]] double max() const { return m_max; }
    /// Between 2 and about 10, in rising order of their values.
    [[nodiscard]] const std::vector<Tick>& ticks() const { return m_ticks; }
    [[nodiscard]] Scale scale() const { return m_scale; }

private:
    void make_linear(double min, double max);
    void make_logarithmic(double min, double max);
    void make_error(double min, double max);
    void add_tick(double value);
    [[nodiscard]] double transformed(double value) const;

    Scale m_scale;
    bool m_is_of_positive;  ///< Also where the logarithmic scale was given up.
    Quantity m_quantity;
    double m_min = 0;
    double m_max = 1;
    std::vector<Tick> m_ticks;
};

/// A value of an axis in words: "1,250", "14.5 MB", "98.2 %".
[[nodiscard]] std::string value_text(Quantity quantity, double value);

}  // namespace dynavg::report
