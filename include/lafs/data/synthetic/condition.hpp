// How a synthetic face was photographed: everything that differs between images of one identity.
#pragma once

#include <cmath>
#include <cstdint>
#include <lafs/core/random.hpp>
#include <lafs/data/synthetic/canvas.hpp>
#include <lafs/data/synthetic/identity.hpp>

namespace lafs::inline LAFS_ABI {
namespace synthetic {

struct FaceCondition {
    float yaw, pitch, roll, scale;  // radians; scale 1 is the aligned size
    Point shift;                    // pixels, error of the alignment
    float light_x, light_y, light_z, ambient, diffuse;
    Colour light;
    float mouth_open, smile, brow_raise, eye_open, gaze_x, gaze_y;
    Colour cloth, hat;
    bool has_hat, has_occluder, takes_glasses_off;
    float blur, noise, contrast, brightness, gamma, saturation;
    float hair_disorder;
    std::uint64_t background;  // index of the first random number of background, texture and noise
};

/// The conditions of one image: a pure function of (seed, identity, image).
inline FaceCondition draw_condition(std::uint64_t seed, std::uint64_t identity, std::uint64_t image) {
    RandomSequence random = detail::face_random(seed, identity, image + 1);
    const auto draw = [&](double low, double high) { return detail::draw(random, low, high); };
    const auto normal = [&](double deviation) { return static_cast<float>(random.normal(0.0, deviation)); };
    const auto clamped = [&](double deviation, float limit) {
        return std::clamp(normal(deviation), -limit, limit);
    };
    FaceCondition c{};
    c.yaw = clamped(0.24, 0.52f);
    c.pitch = clamped(0.14, 0.30f);
    c.roll = clamped(0.10, 0.26f);
    c.scale = std::exp(clamped(0.07, 0.16f));
    c.shift = {clamped(3.0, 7), clamped(3.0, 7)};
    const float azimuth = draw(-1.45, 1.45), elevation = draw(-0.5, 1.2);
    c.light_x = std::sin(azimuth) * std::cos(elevation);
    c.light_y = -std::sin(elevation);
    c.light_z = std::cos(azimuth) * std::cos(elevation);
    c.ambient = draw(0.22, 0.75);
    c.diffuse = draw(0.25, 1.0);
    const float warmth = draw(-0.28, 0.28), tint = draw(-0.10, 0.10);
    c.light = {1.0f + warmth, 1.0f + tint, 1.0f - warmth};
    c.mouth_open = std::max(0.0f, draw(-0.9, 1.0));
    c.smile = draw(-0.4, 1.0);
    c.brow_raise = draw(-1.0, 1.0);
    c.eye_open = draw(0, 1) < 0.06f ? 0.12f : draw(0.62, 1.18);
    c.gaze_x = draw(-1, 1);
    c.gaze_y = draw(-0.7, 0.7);
    c.cloth = {draw(0.05, 0.95), draw(0.05, 0.95), draw(0.05, 0.95)};
    c.hat = {draw(0.05, 0.95), draw(0.05, 0.95), draw(0.05, 0.95)};
    c.has_hat = draw(0, 1) < 0.22f;
    c.has_occluder = draw(0, 1) < 0.12f;
    c.takes_glasses_off = draw(0, 1) < 0.25f;
    c.blur = draw(0, 1) < 0.5f ? draw(0.2, 0.6) : draw(0.5, 1.4);
    c.noise = draw(0.0, 0.05);
    c.contrast = draw(0.65, 1.3);
    c.brightness = draw(-0.13, 0.13);
    c.gamma = draw(0.7, 1.45);
    c.saturation = draw(0, 1) < 0.06f ? 0.0f : draw(0.5, 1.25);
    c.hair_disorder = draw(0.3, 2.0);
    c.background = random.integer(std::uint64_t{1} << 40);
    return c;
}

}  // namespace synthetic
}  // namespace lafs::inline LAFS_ABI
