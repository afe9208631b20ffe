// What surrounds a synthetic face and what the camera does to it.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <lafs/core/random.hpp>
#include <lafs/data/synthetic/canvas.hpp>
#include <lafs/data/synthetic/condition.hpp>

namespace lafs::inline LAFS_ABI {
namespace synthetic {

namespace detail {

inline Colour random_colour(RandomSequence& random) {
    return {draw(random, 0.05, 0.95), draw(random, 0.05, 0.95), draw(random, 0.05, 0.95)};
}

}  // namespace detail

/// Gradient, waves, and up to nine soft or hard shapes.
inline void paint_background(Canvas& canvas, RandomSequence& random) {
    using detail::draw;
    const Colour from = detail::random_colour(random), to = detail::random_colour(random);
    const float angle = draw(random, 0, 6.2831853), dx = std::cos(angle), dy = std::sin(angle);
    const float wave = draw(random, 0, 0.16), fx = draw(random, -0.4, 0.4), fy = draw(random, -0.4, 0.4);
    for (int y = 0; y < canvas.height(); ++y)
        for (int x = 0; x < canvas.width(); ++x) {
            const float u = static_cast<float>(x) - 56, v = static_cast<float>(y) - 56;
            const float t = std::clamp(0.5f + (u * dx + v * dy) / 130, 0.0f, 1.0f);
            canvas.at(x, y) = mix(from, to, t) * (1.0f + wave * std::sin(fx * u + fy * v));
        }
    const std::uint64_t shapes = random.integer(10);
    for (std::uint64_t i = 0; i < shapes; ++i) {
        const Point centre{draw(random, -5, 117), draw(random, -5, 117)};
        const float rx = draw(random, 3, 26), ry = draw(random, 3, 26), turn = draw(random, 0, 3.14159);
        const Colour colour = detail::random_colour(random);
        const std::uint64_t kind = random.integer(3);
        if (kind == 0)
            canvas.glow(centre, rx, ry, colour, draw(random, 0.3, 0.9));
        else
            canvas.fill(ellipse(centre, rx, ry, turn, kind == 1 ? 24 : 4), colour, draw(random, 0.4, 1.0));
    }
}

/// Something in front of the face, near its edge: a hand, a cup, a microphone, a strand.
inline void paint_occluder(Canvas& canvas, RandomSequence& random) {
    using detail::draw;
    const float angle = draw(random, 0, 6.2831853);
    const Point centre{56 + 42 * std::cos(angle), 62 + 42 * std::sin(angle)};
    canvas.fill(ellipse(centre, draw(random, 5, 17), draw(random, 9, 24), draw(random, 0, 3.14159), 12),
                detail::random_colour(random));
}

/// Blur, exposure, gamma, saturation, the colour of the light, and noise.
inline void apply_camera(Canvas& canvas, const FaceCondition& condition, RandomSequence& random) {
    canvas.blur(condition.blur);
    // The sum of two 16-bit numbers is near enough to normal, and cheap.
    const auto noise = [&] {
        const std::uint32_t bits = random.bits();
        const float sum = static_cast<float>((bits & 0xFFFFu) + (bits >> 16)) / 65536.0f - 1.0f;
        return sum * 2.45f * condition.noise;  // deviation of the triangle is 0.41
    };
    for (int y = 0; y < canvas.height(); ++y)
        for (int x = 0; x < canvas.width(); ++x) {
            Colour c = canvas.at(x, y) * condition.light;
            const float grey = luminance(c);
            c = mix(Colour{grey, grey, grey}, c, condition.saturation);
            for (float* value : {&c.r, &c.g, &c.b}) {
                const float exposed =
                    std::max(0.0f, (*value - 0.45f) * condition.contrast + 0.45f + condition.brightness);
                *value = std::pow(exposed, condition.gamma) + noise();
            }
            canvas.at(x, y) = c;
        }
}

}  // namespace synthetic
}  // namespace lafs::inline LAFS_ABI
