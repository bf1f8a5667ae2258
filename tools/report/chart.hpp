#pragma once

#include <optional>
#include <string>
#include <vector>

#include "tools/report/axis.hpp"

namespace dynavg::report {

struct Point {
    double x = 0;
    double y = 0;
    std::string title;  ///< Shown while the pointer is on it.
};

/// Points of one thing. Series of equal names and styles are one entry of the legend.
struct Series {
    std::string name;
    std::size_t style = 0;  ///< Colour, dashes and marker; any number.
    bool has_line = true;
    bool has_markers = true;
    std::vector<Point> points;  ///< Drawn as they are: thin them before. In the order of the line.
};

struct ChartAxis {
    std::string label;  ///< With the unit.
    Scale scale = Scale::linear;
    Quantity quantity = Quantity::number;
    bool from_zero = false;
    /// A value above is drawn as an arrow at the upper edge.
    std::optional<double> max;
};

struct Chart {
    std::string id;  ///< Unique on its page; letters, digits and '-'.
    std::string title;
    std::string description;  ///< A sentence for who can't see it.
    std::string note;         ///< A sentence below the title; may be empty.
    ChartAxis x;
    ChartAxis y;
    std::vector<Series> series;
    /// A small one has a place among many.
    bool is_small = false;
};

/// A <figure> with title, legend and SVG. Its colours are classes of page_style(). Points that an
/// axis has no place for (infinite, not a number, 0 on a logarithmic one) are left out. Texts are
/// escaped. Without any point it is a sentence that says so.
[[nodiscard]] std::string figure(const Chart& chart);

}  // namespace dynavg::report
