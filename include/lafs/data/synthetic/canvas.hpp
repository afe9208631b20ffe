// A small anti-aliased painter: colours in [0, 1], shapes as polygons with exact horizontal and
// four-fold vertical coverage. Pixel (x, y) covers [x - 0.5, x + 0.5] x [y - 0.5, y + 0.5].
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <lafs/core/error.hpp>
#include <lafs/data/image.hpp>
#include <span>
#include <utility>
#include <vector>

namespace lafs::inline LAFS_ABI {

namespace synthetic {

/// A place in an image, in pixels.
struct Point {
    float x = 0, y = 0;
};

inline Point operator+(Point a, Point b) {
    return {a.x + b.x, a.y + b.y};
}
inline Point operator-(Point a, Point b) {
    return {a.x - b.x, a.y - b.y};
}
inline Point operator*(Point a, float s) {
    return {a.x * s, a.y * s};
}

/// The point a share t of the way from a to b.
inline Point mix_points(Point a, Point b, float t) {
    return a * (1.0f - t) + b * t;
}

struct Colour {
    float r = 0, g = 0, b = 0;
};

inline Colour operator+(Colour a, Colour b) {
    return {a.r + b.r, a.g + b.g, a.b + b.b};
}
inline Colour operator*(Colour a, Colour b) {
    return {a.r * b.r, a.g * b.g, a.b * b.b};
}
inline Colour operator*(Colour a, float s) {
    return {a.r * s, a.g * s, a.b * s};
}
inline Colour mix(Colour a, Colour b, float t) {
    return a * (1.0f - t) + b * t;
}
inline float luminance(Colour c) {
    return 0.299f * c.r + 0.587f * c.g + 0.114f * c.b;
}

using Polygon = std::vector<Point>;

namespace detail {

/// A point of the Catmull-Rom curve between b and c.
inline Point catmull_rom(Point a, Point b, Point c, Point d, float t) {
    const Point linear = c - a, square = a * 2.0f - b * 5.0f + c * 4.0f - d, cube = (b - c) * 3.0f + d - a;
    return (b * 2.0f + linear * t + square * (t * t) + cube * (t * t * t)) * 0.5f;
}

}  // namespace detail

/// A smooth closed curve through the points, `steps` vertices a segment.
inline Polygon smooth_closed(std::span<const Point> points, int steps = 5) {
    Polygon result;
    const std::size_t n = points.size();
    for (std::size_t i = 0; i < n; ++i)
        for (int s = 0; s < steps; ++s)
            result.push_back(detail::catmull_rom(points[(i + n - 1) % n], points[i], points[(i + 1) % n],
                                                 points[(i + 2) % n],
                                                 static_cast<float>(s) / static_cast<float>(steps)));
    return result;
}

/// A smooth open curve through the points.
inline Polygon smooth_open(std::span<const Point> points, int steps = 5) {
    Polygon result;
    const std::size_t n = points.size();
    for (std::size_t i = 0; i + 1 < n; ++i)
        for (int s = 0; s < steps; ++s)
            result.push_back(detail::catmull_rom(points[i ? i - 1 : 0], points[i], points[i + 1],
                                                 points[std::min(i + 2, n - 1)],
                                                 static_cast<float>(s) / static_cast<float>(steps)));
    result.push_back(points.back());
    return result;
}

/// The outline of a line drawn along `path`, `width` wide in the middle, `taper` of that at its ends.
inline Polygon stroke(std::span<const Point> path, float width, float taper = 1.0f) {
    const std::size_t n = path.size();
    Polygon result(2 * n);
    for (std::size_t i = 0; i < n; ++i) {
        const Point along = path[std::min(i + 1, n - 1)] - path[i ? i - 1 : 0];
        const float length = std::max(1e-4f, std::hypot(along.x, along.y));
        const float t = n > 1 ? static_cast<float>(i) / static_cast<float>(n - 1) : 0.5f;
        const float bulge = 4.0f * t * (1.0f - t);
        const float half = 0.5f * width * (taper + (1.0f - taper) * bulge) / length;
        const Point normal{-along.y * half, along.x * half};
        result[i] = path[i] + normal;
        result[2 * n - 1 - i] = path[i] - normal;
    }
    return result;
}

/// An ellipse with semi-axes rx, ry turned by `angle` radians.
inline Polygon ellipse(Point centre, float rx, float ry, float angle = 0.0f, int vertices = 24) {
    Polygon result;
    const float c = std::cos(angle), s = std::sin(angle);
    for (int i = 0; i < vertices; ++i) {
        const float a = 6.2831853f * static_cast<float>(i) / static_cast<float>(vertices);
        const float u = rx * std::cos(a), v = ry * std::sin(a);
        result.push_back({centre.x + u * c - v * s, centre.y + u * s + v * c});
    }
    return result;
}

class Canvas {
public:
    Canvas(int width, int height)
        : width_(width),
          height_(height),
          pixels_(static_cast<std::size_t>(width) * static_cast<std::size_t>(height)),
          row_(static_cast<std::size_t>(width)) {}

    int width() const { return width_; }
    int height() const { return height_; }
    Colour& at(int x, int y) { return pixels_[static_cast<std::size_t>(y * width_ + x)]; }
    const Colour& at(int x, int y) const { return pixels_[static_cast<std::size_t>(y * width_ + x)]; }

    /// Blends `paint` (a colour, or a function of x and y giving one) into a closed polygon.
    template <class Paint>
    void fill(std::span<const Point> polygon, const Paint& paint, float opacity = 1.0f) {
        float top = 1e9f, bottom = -1e9f;
        for (const Point p : polygon) {
            top = std::min(top, p.y);
            bottom = std::max(bottom, p.y);
        }
        const int first = std::max(0, static_cast<int>(std::floor(top + 0.5f)));
        const int last = std::min(height_ - 1, static_cast<int>(std::floor(bottom + 0.5f)));
        for (int y = first; y <= last; ++y) {
            std::fill(row_.begin(), row_.end(), 0.0f);
            for (int sub = 0; sub < 4; ++sub)
                add_scanline(polygon, static_cast<float>(y) - 0.375f + 0.25f * static_cast<float>(sub));
            for (int x = 0; x < width_; ++x)
                if (const float coverage = row_[static_cast<std::size_t>(x)]; coverage > 0.0f)
                    blend(x, y, paint, std::min(1.0f, coverage) * opacity);
        }
    }

    /// Blends a colour with a Gaussian fall-off; rx, ry are its deviations.
    template <class Paint>
    void glow(Point centre, float rx, float ry, const Paint& paint, float opacity) {
        const int x0 = std::max(0, static_cast<int>(centre.x - 3 * rx));
        const int x1 = std::min(width_ - 1, static_cast<int>(centre.x + 3 * rx));
        const int y0 = std::max(0, static_cast<int>(centre.y - 3 * ry));
        const int y1 = std::min(height_ - 1, static_cast<int>(centre.y + 3 * ry));
        for (int y = y0; y <= y1; ++y)
            for (int x = x0; x <= x1; ++x) {
                const float u = (static_cast<float>(x) - centre.x) / rx;
                const float v = (static_cast<float>(y) - centre.y) / ry;
                blend(x, y, paint, opacity * std::exp(-0.5f * (u * u + v * v)));
            }
    }

    /// Gaussian blur of the whole picture, edges repeated.
    void blur(float deviation) {
        const int radius = static_cast<int>(std::ceil(2.5f * deviation));
        if (radius < 1 || deviation < 0.2f)
            return;
        std::vector<float> kernel;
        float sum = 0;
        for (int i = -radius; i <= radius; ++i) {
            kernel.push_back(std::exp(-0.5f * static_cast<float>(i * i) / (deviation * deviation)));
            sum += kernel.back();
        }
        for (float& weight : kernel)
            weight /= sum;
        blur_lines(kernel, radius, width_, height_, 1, width_);
        blur_lines(kernel, radius, height_, width_, width_, 1);
    }

    /// The picture as bytes; values outside [0, 1] are clamped.
    Image image() const {
        Image result(width_, height_);
        std::size_t i = 0;
        for (const Colour& c : pixels_)
            for (const float value : {c.r, c.g, c.b})
                result.pixels[i++] = static_cast<std::uint8_t>(std::clamp(value, 0.0f, 1.0f) * 255.0f + 0.5f);
        return result;
    }

private:
    template <class Paint>
    void blend(int x, int y, const Paint& paint, float opacity) {
        Colour& target = at(x, y);
        if constexpr (std::is_same_v<Paint, Colour>)
            target = mix(target, paint, opacity);
        else
            target = mix(target, paint(static_cast<float>(x), static_cast<float>(y)), opacity);
    }

    /// Adds a quarter of the coverage along the line at height y, non-zero winding.
    void add_scanline(std::span<const Point> polygon, float y) {
        crossings_.clear();
        for (std::size_t i = 0; i < polygon.size(); ++i) {
            const Point a = polygon[i], b = polygon[(i + 1) % polygon.size()];
            if ((a.y <= y) != (b.y <= y))
                crossings_.push_back({a.x + (b.x - a.x) * (y - a.y) / (b.y - a.y), a.y <= y ? 1 : -1});
        }
        std::sort(crossings_.begin(), crossings_.end());
        int winding = 0;
        for (std::size_t i = 0; i + 1 < crossings_.size(); ++i) {
            winding += crossings_[i].second;
            if (winding != 0)
                add_span(crossings_[i].first + 0.5f, crossings_[i + 1].first + 0.5f);
        }
    }

    void add_span(float begin, float end) {
        begin = std::clamp(begin, 0.0f, static_cast<float>(width_));
        end = std::clamp(end, 0.0f, static_cast<float>(width_));
        const int first = static_cast<int>(begin), last = std::min(static_cast<int>(end), width_ - 1);
        for (int x = first; x <= last; ++x) {
            const float left = std::max(begin, static_cast<float>(x));
            const float right = std::min(end, static_cast<float>(x + 1));
            row_[static_cast<std::size_t>(x)] += 0.25f * std::max(0.0f, right - left);
        }
    }

    void blur_lines(const std::vector<float>& kernel, int radius, int length, int lines, int step,
                    int line_step) {
        std::vector<Colour> line(static_cast<std::size_t>(length));
        for (int l = 0; l < lines; ++l) {
            Colour* start = pixels_.data() + l * line_step;
            for (int i = 0; i < length; ++i)
                line[static_cast<std::size_t>(i)] = start[i * step];
            for (int i = 0; i < length; ++i) {
                Colour sum;
                for (int k = -radius; k <= radius; ++k)
                    sum = sum + line[static_cast<std::size_t>(std::clamp(i + k, 0, length - 1))] *
                                    kernel[static_cast<std::size_t>(k + radius)];
                start[i * step] = sum;
            }
        }
    }

    int width_, height_;
    std::vector<Colour> pixels_;
    std::vector<float> row_;
    std::vector<std::pair<float, int>> crossings_;
};

}  // namespace synthetic
}  // namespace lafs::inline LAFS_ABI
