#include "tools/report/chart.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include <fmt/format.h>

#include "tools/report/numbers.hpp"
#include "tools/report/style.hpp"

namespace dynavg::report {

namespace {

/// In the units of the drawing, which is scaled to the page.
struct Layout {
    double width = 720;
    double height = 420;
    double left = 74;
    double right = 26;
    double top = 12;
    double bottom = 52;
};

constexpr Layout kLarge{};
constexpr Layout kSmall{
    .width = 480, .height = 260, .left = 64, .right = 26, .top = 10, .bottom = 48};

std::string style_class(std::size_t style) {
    return fmt::format("c{} d{}", style % kColours, style / kColours % kDashes);
}

/// The marker's shape tells what its colour tells.
std::string marker(std::size_t style, double x, double y, double radius) {
    switch (style % 4) {
        case 0:
            return fmt::format("<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"{}\"", x, y, radius);
        case 1: {
            const double half = 0.9 * radius;
            return fmt::format("<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"{}\" height=\"{}\"",
                               x - half, y - half, 2 * half, 2 * half);
        }
        case 2: {
            const double half = 1.2 * radius;
            return fmt::format("<path d=\"M{:.1f} {:.1f}l{} {}h-{}z\"", x, y - 1.1 * half, half,
                               1.8 * half, 2 * half);
        }
        default: {
            const double half = 1.25 * radius;
            return fmt::format("<path d=\"M{:.1f} {:.1f}l{} {}l-{} {}l-{} -{}z\"", x, y - half,
                               half, half, half, half, half, half);
        }
    }
}

/// Where no line leads to them, markers are to be seen from afar; among many they are small.
double radius_of(const Chart& chart, const Series& series) {
    return series.has_line || chart.is_small ? 3 : 5;
}

/// Of values too high to be shown where they are.
std::string arrow(double x, double y) {
    return fmt::format("<path class=\"arrow\" d=\"M{:.1f} {:.1f}l4 7h-8z\"", x, y);
}

Axis axis_of(const ChartAxis& options, const std::vector<Series>& series, double Point::*member) {
    std::vector<double> values;
    for (const Series& one : series) {
        for (const Point& point : one.points) {
            const double value = point.*member;
            if (!options.max || value <= *options.max) values.push_back(value);
        }
    }
    if (options.from_zero) values.push_back(0);
    if (options.max) values.push_back(*options.max);
    return Axis(options.scale, options.quantity, values);
}

/// Draws one chart.
class Drawing {
public:
    explicit Drawing(const Chart& chart)
        : m_chart(chart),
          m_layout(chart.is_small ? kSmall : kLarge),
          m_x(axis_of(chart.x, chart.series, &Point::x)),
          m_y(axis_of(chart.y, chart.series, &Point::y)) {}

    std::string svg() {
        put("<svg viewBox=\"0 0 {} {}\" role=\"img\" aria-labelledby=\"{}-t {}-d\">",
            m_layout.width, m_layout.height, m_chart.id, m_chart.id);
        put("<title id=\"{}-t\">{}</title><desc id=\"{}-d\">{}</desc>\n", m_chart.id,
            html(m_chart.title), m_chart.id, html(m_chart.description));
        draw_grid();
        // Lines first: no line hides a point that tells something.
        for (const Series& series : m_chart.series) draw_line(series);
        for (const Series& series : m_chart.series) draw_markers(series);
        m_svg += "</svg>";
        return std::move(m_svg);
    }

private:
    template <class... T>
    void put(fmt::format_string<T...> format, T&&... values) {
        fmt::format_to(std::back_inserter(m_svg), format, std::forward<T>(values)...);
    }

    [[nodiscard]] double x_of(double value) const {
        return m_layout.left +
               m_x.place_of(value) * (m_layout.width - m_layout.left - m_layout.right);
    }
    [[nodiscard]] double y_of(double value) const {
        const double bottom = m_layout.height - m_layout.bottom;
        return bottom - m_y.place_of(value) * (bottom - m_layout.top);
    }
    [[nodiscard]] bool has_place_for(const Point& point) const {
        return m_x.has_place_for(point.x) && m_y.has_place_for(point.y);
    }

    void draw_grid() {
        const double right = m_layout.width - m_layout.right;
        const double bottom = m_layout.height - m_layout.bottom;
        m_svg += "<g class=\"grid\">";
        for (const Tick& tick : m_x.ticks()) {
            put("<path d=\"M{:.1f} {}V{}\"/>", x_of(tick.value), m_layout.top, bottom);
        }
        for (const Tick& tick : m_y.ticks()) {
            put("<path d=\"M{} {:.1f}H{}\"/>", m_layout.left, y_of(tick.value), right);
        }
        put("<path class=\"frame\" d=\"M{} {}V{}H{}\"/></g>\n<g class=\"ticks\">", m_layout.left,
            m_layout.top, bottom, right);
        for (const Tick& tick : m_x.ticks()) {
            put("<text x=\"{:.1f}\" y=\"{}\" text-anchor=\"middle\">{}</text>", x_of(tick.value),
                bottom + 16, tick.label);
        }
        for (const Tick& tick : m_y.ticks()) {
            put("<text x=\"{}\" y=\"{:.1f}\" text-anchor=\"end\">{}</text>", m_layout.left - 7,
                y_of(tick.value) + 4, tick.label);
        }
        put("</g>\n<g class=\"labels\"><text x=\"{}\" y=\"{}\" text-anchor=\"middle\">{}</text>",
            (m_layout.left + right) / 2, m_layout.height - 10, html(m_chart.x.label));
        put("<text transform=\"translate(14 {}) rotate(-90)\" text-anchor=\"middle\">{}</text>"
            "</g>\n",
            (m_layout.top + bottom) / 2, html(m_chart.y.label));
    }

    void draw_line(const Series& series) {
        if (!series.has_line) return;
        put("<path class=\"line {}\" d=\"", style_class(series.style));
        char command = 'M';
        for (const Point& point : series.points) {
            if (!has_place_for(point)) {
                command = 'M';
                continue;
            }
            put("{}{:.1f} {:.1f}", command, x_of(point.x), y_of(point.y));
            command = 'L';
        }
        put("\"><title>{}</title></path>\n", html(series.name));
    }

    void draw_markers(const Series& series) {
        if (!series.has_markers) return;
        const double radius = radius_of(m_chart, series);
        put("<g class=\"markers {}\">", style_class(series.style));
        for (const Point& point : series.points) {
            if (!has_place_for(point)) continue;
            const bool is_beyond = point.y > m_y.max();
            m_svg += is_beyond ? arrow(x_of(point.x), m_layout.top)
                               : marker(series.style, x_of(point.x), y_of(point.y), radius);
            put("><title>{}</title>{}", html(point.title),
                is_beyond || series.style % 4 >= 2 ? "</path>"
                : series.style % 4 == 1            ? "</rect>"
                                                   : "</circle>");
        }
        m_svg += "</g>\n";
    }

    const Chart& m_chart;
    const Layout& m_layout;
    Axis m_x;
    Axis m_y;
    std::string m_svg;
};

std::string legend(const Chart& chart) {
    std::string list = "<ul class=\"legend\">";
    std::vector<std::pair<std::string, std::size_t>> seen;
    for (const Series& series : chart.series) {
        const std::pair entry(series.name, series.style);
        if (std::find(seen.begin(), seen.end(), entry) != seen.end()) continue;
        seen.push_back(entry);
        const std::string look = style_class(series.style);
        list += "<li><svg viewBox=\"0 0 30 12\" aria-hidden=\"true\">";
        if (series.has_line) list += fmt::format("<path class=\"line {}\" d=\"M1 6H29\"/>", look);
        if (series.has_markers) {
            list += fmt::format("<g class=\"markers {}\">{}/></g>", look,
                                marker(series.style, 15, 6, radius_of(chart, series)));
        }
        list += fmt::format("</svg>{}</li>", html(series.name));
    }
    return list + "</ul>\n";
}

bool has_points(const Chart& chart) {
    const Axis x = axis_of(chart.x, chart.series, &Point::x);
    const Axis y = axis_of(chart.y, chart.series, &Point::y);
    return std::any_of(chart.series.begin(), chart.series.end(), [&](const Series& series) {
        return std::any_of(series.points.begin(), series.points.end(), [&](const Point& point) {
            return x.has_place_for(point.x) && y.has_place_for(point.y);
        });
    });
}

}  // namespace

std::string figure(const Chart& chart) {
    std::string text = fmt::format("<figure{}><figcaption>{}</figcaption>\n",
                                   chart.is_small ? " class=\"small\"" : "", html(chart.title));
    if (!chart.note.empty()) text += fmt::format("<p class=\"note\">{}</p>\n", html(chart.note));
    if (!has_points(chart)) return text + "<p>There is nothing to draw.</p></figure>\n";
    text += legend(chart);
    text += Drawing(chart).svg();
    return text + "\n</figure>\n";
}

}  // namespace dynavg::report
