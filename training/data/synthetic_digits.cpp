#include "training/data/synthetic_digits.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include "protocol/base/random.hpp"
#include "training/data/source.hpp"

namespace dynavg::training {

namespace {

using protocol::RandomStream;

constexpr int kSide = 28;
constexpr std::size_t kDigits = 10;

/// In the unit square while a digit is designed, y downwards; then in pixels.
struct Point {
    double x = 0;
    double y = 0;
};

using Stroke = std::vector<Point>;
using Glyph = std::vector<Stroke>;

/// sin(2 pi turns) to 1e-11 by its series, so that no machine's library has a say.
double sine(double turns) {
    double folded = turns - std::floor(turns + 0.5);
    if (folded > 0.25) folded = 0.5 - folded;
    if (folded < -0.25) folded = -0.5 - folded;
    const double x = folded * 6.283185307179586;
    double term = x;
    double sum = x;
    for (int k = 1; k <= 8; ++k) {
        term = -term * x * x / (2.0 * k * (2.0 * k + 1.0));
        sum += term;
    }
    return sum;
}

double cosine(double turns) {
    return sine(turns + 0.25);
}

struct Ellipse {
    Point center;
    Point radius;
};

/// Appends an arc; angles in turns, 0 to the right, 0.25 downwards.
void add_arc(Stroke& stroke, const Ellipse& ellipse, double from, double to) {
    constexpr int kSegments = 14;
    for (int i = 0; i <= kSegments; ++i) {
        const double angle = from + (to - from) * i / kSegments;
        stroke.push_back({ellipse.center.x + ellipse.radius.x * cosine(angle),
                          ellipse.center.y + ellipse.radius.y * sine(angle)});
    }
}

Stroke arc(const Ellipse& ellipse, double from, double to) {
    Stroke stroke;
    add_arc(stroke, ellipse, from, to);
    return stroke;
}

std::array<Glyph, kDigits> make_glyphs() {
    std::array<Glyph, kDigits> glyphs;
    glyphs[0] = {arc({{.5, .5}, {.28, .42}}, 0, 1)};
    glyphs[1] = {{{.34, .26}, {.55, .08}, {.55, .92}}};
    Stroke two = arc({{.5, .31}, {.27, .23}}, .53, 1.08);
    two.insert(two.end(), {{.22, .92}, {.8, .92}});
    glyphs[2] = {two};
    Stroke three = arc({{.46, .29}, {.27, .21}}, .58, 1.25);
    add_arc(three, {{.46, .71}, {.30, .21}}, .75, 1.40);
    glyphs[3] = {three};
    glyphs[4] = {{{.62, .92}, {.62, .08}, {.2, .65}, {.85, .65}}};
    Stroke five{{.76, .08}, {.31, .08}, {.28, .46}};
    add_arc(five, {{.48, .66}, {.28, .26}}, .63, 1.40);
    glyphs[5] = {five};
    Stroke six{{.68, .08}, {.42, .3}, {.29, .52}};
    add_arc(six, {{.51, .69}, {.25, .23}}, .5, 1.5);
    glyphs[6] = {six};
    glyphs[7] = {{{.2, .08}, {.8, .08}, {.42, .92}}};
    glyphs[8] = {arc({{.5, .29}, {.22, .21}}, 0, 1), arc({{.5, .71}, {.27, .21}}, 0, 1)};
    Stroke nine = arc({{.49, .31}, {.25, .23}}, 0, 1);
    nine.insert(nine.end(), {{.71, .48}, {.58, .7}, {.32, .92}});
    glyphs[9] = {nine};
    return glyphs;
}

double between(RandomStream& stream, double low, double high) {
    return low + (high - low) * stream.uniform();
}

/// Where the unit square lies in the image, and how it is bent.
struct Placement {
    explicit Placement(RandomStream& stream) {
        const double size = between(stream, 15.0, 22.0);
        const double aspect = between(stream, 0.75, 1.15);
        const double shear = between(stream, -0.25, 0.25);
        const double turn = between(stream, -0.055, 0.055);
        const double c = cosine(turn);
        const double s = sine(turn);
        xx = size * aspect * c;
        xy = size * (shear * c - s);
        yx = size * aspect * s;
        yy = size * (shear * s + c);
        shift = {kSide / 2.0 + between(stream, -3.0, 3.0),
                 kSide / 2.0 + between(stream, -3.0, 3.0)};
    }
    [[nodiscard]] Point operator()(Point unit) const {
        const double x = unit.x - 0.5;
        const double y = unit.y - 0.5;
        return {shift.x + xx * x + xy * y, shift.y + yx * x + yy * y};
    }

    double xx = 0;
    double xy = 0;
    double yx = 0;
    double yy = 0;
    Point shift{};
};

struct Pen {
    double radius = 1;
    double brightness = 1;
};

/// Distances to strokes become brightness; where strokes meet, the brighter wins.
class Canvas {
public:
    void draw(Point from, Point to, const Pen& pen) {
        const double reach = pen.radius + 1;
        const int left = clamp(std::min(from.x, to.x) - reach);
        const int right = clamp(std::max(from.x, to.x) + reach);
        const int top = clamp(std::min(from.y, to.y) - reach);
        const int bottom = clamp(std::max(from.y, to.y) + reach);
        const double dx = to.x - from.x;
        const double dy = to.y - from.y;
        const double squared_length = dx * dx + dy * dy;
        for (int row = top; row <= bottom; ++row) {
            for (int column = left; column <= right; ++column) {
                const double px = column + 0.5 - from.x;
                const double py = row + 0.5 - from.y;
                const double along =
                    squared_length > 0 ? std::clamp((px * dx + py * dy) / squared_length, 0.0, 1.0)
                                       : 0.0;
                const double ex = px - along * dx;
                const double ey = py - along * dy;
                const double edge = pen.radius + 0.5 - std::sqrt(ex * ex + ey * ey);
                double& pixel = m_pixels[static_cast<std::size_t>(row * kSide + column)];
                pixel = std::max(pixel, pen.brightness * std::clamp(edge, 0.0, 1.0));
            }
        }
    }

    void draw(const Stroke& stroke, const Pen& pen) {
        for (std::size_t i = 1; i < stroke.size(); ++i) draw(stroke[i - 1], stroke[i], pen);
    }

    /// With noise of that amplitude on every pixel.
    void write(RandomStream& stream, double noise, std::uint8_t* out) const {
        for (std::size_t i = 0; i < m_pixels.size(); ++i) {
            const double grain = noise * (2 * static_cast<double>(stream.uniform_float()) - 1);
            out[i] =
                static_cast<std::uint8_t>(std::clamp(m_pixels[i] + grain, 0.0, 1.0) * 255.0 + 0.5);
        }
    }

private:
    static int clamp(double position) {
        return static_cast<int>(std::clamp(position, 0.0, kSide - 1.0));
    }
    std::array<double, kSide * kSide> m_pixels{};
};

/// Short strokes that belong to no digit.
void draw_clutter(RandomStream& stream, Canvas& canvas) {
    const std::uint64_t count = stream.below(3);
    for (std::uint64_t i = 0; i < count; ++i) {
        const Point from{between(stream, 0, kSide), between(stream, 0, kSide)};
        const double length = between(stream, 3, 8);
        const double angle = stream.uniform();
        const Point to{from.x + length * cosine(angle), from.y + length * sine(angle)};
        const double radius = between(stream, 0.4, 1.0);
        canvas.draw(from, to, {radius, between(stream, 0.3, 0.9)});
    }
}

std::uint8_t draw_sample(const std::array<Glyph, kDigits>& glyphs, RandomStream stream,
                         std::uint8_t* out) {
    const auto label = static_cast<std::uint8_t>(stream.below(kDigits));
    const Placement placement(stream);
    const double radius = between(stream, 0.5, 1.6);
    const Pen pen{radius, between(stream, 0.6, 1.0)};
    Canvas canvas;
    for (Stroke stroke : glyphs[label]) {
        for (Point& point : stroke) {
            point.x += between(stream, -0.025, 0.025);
            point.y += between(stream, -0.025, 0.025);
            point = placement(point);
        }
        canvas.draw(stroke, pen);
    }
    draw_clutter(stream, canvas);
    const double noise = between(stream, 0.0, 0.25);
    canvas.write(stream, noise, out);
    return label;
}

}  // namespace

std::shared_ptr<const Dataset> synthetic_digits(std::uint64_t seed, DataPart part,
                                                std::size_t samples) {
    const std::array<Glyph, kDigits> glyphs = make_glyphs();
    auto dataset = std::make_shared<Dataset>();
    dataset->name =
        part == DataPart::train ? "synthetic-digits (train)" : "synthetic-digits (test)";
    dataset->shape = {1, kSide, kSide};
    dataset->classes = kDigits;
    dataset->images.resize(samples * dataset->shape.pixels());
    dataset->labels.resize(samples);
    for (std::size_t i = 0; i < samples; ++i) {
        const RandomStream stream(seed, protocol::RandomPurpose::synthetic_data,
                                  static_cast<std::uint32_t>(part), i);
        dataset->labels[i] =
            draw_sample(glyphs, stream, dataset->images.data() + i * dataset->shape.pixels());
    }
    return dataset;
}

extern constinit const Source kSyntheticDigitsSource{
    .name = "synthetic-digits",
    .keys = {.samples = true, .seed = true},
    .shape = {1, kSide, kSide},
    .load = [](const SourceRequest& request) -> Expected<std::shared_ptr<const Dataset>, Error> {
        return synthetic_digits(request.seed, request.part, request.samples);
    }};

}  // namespace dynavg::training
