// Paints the head of a synthetic face around its features: hair, ears, skin, beard, glasses, clothes.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <lafs/data/synthetic/features.hpp>
#include <lafs/data/synthetic/scenery.hpp>
#include <utility>

namespace lafs::inline LAFS_ABI {
namespace synthetic {

inline void paint_body(const Brush& brush) {
    const FaceIdentity& face = brush.face();
    const FaceGeometry& at = brush.geometry;
    const float neck = face.face_width * 0.62f;
    brush.canvas.fill(Polygon{at.on_outline(-neck, 20), at.on_outline(neck, 20),
                              at.on_outline(neck * 1.15f, 90), at.on_outline(-neck * 1.15f, 90)},
                      brush.light(face.skin * 0.72f));
    brush.canvas.fill(
        smooth_closed(Polygon{at.on_outline(-80, 74), at.on_outline(-neck, 60), at.on_outline(0, 68),
                              at.on_outline(neck, 60), at.on_outline(80, 74), at.on_outline(85, 120),
                              at.on_outline(-85, 120)}),
        brush.light(brush.condition().cloth));
}

/// The outer border of the hair from one side over the top to the other; random waves for curls.
inline Polygon hair_border(const Brush& brush, float grow, float waves, RandomSequence& random) {
    const FaceIdentity& face = brush.face();
    Polygon border;
    constexpr int steps = 22;
    for (int i = 0; i <= steps; ++i) {
        const float a = 3.1415927f * static_cast<float>(i) / steps;
        const float wave = 1.0f + waves * 0.02f * detail::draw(random, -1, 1) +
                           (waves > 2 ? 0.05f * static_cast<float>(i % 2) : 0.0f);
        border.push_back(
            brush.geometry.on_outline(-std::cos(a) * face.face_width * 1.04f * grow * wave,
                                      -6 - std::sin(a) * (face.forehead_height + 1) * grow * wave));
    }
    return smooth_open(border, 3);
}

inline void paint_back_hair(const Brush& brush, RandomSequence& random) {
    const FaceIdentity& face = brush.face();
    const auto paint = brush.light(face.hair * 0.72f);
    if (face.hair_style == HairStyle::long_straight) {
        Polygon hair = hair_border(brush, face.hair_volume, brush.condition().hair_disorder, random);
        const float w = face.face_width * face.hair_volume, end = face.hair_length;
        hair.push_back(brush.geometry.on_outline(w * 1.12f, end));
        hair.push_back(brush.geometry.on_outline(w * 0.5f, end + 4));
        hair.push_back(brush.geometry.on_outline(-w * 0.5f, end + 4));
        hair.push_back(brush.geometry.on_outline(-w * 1.12f, end));
        brush.canvas.fill(hair, paint);
    } else if (face.hair_style == HairStyle::curly) {
        Polygon hair = hair_border(brush, face.hair_volume * 1.1f, face.curl, random);
        hair.push_back(brush.geometry.on_outline(face.face_width * 0.9f, 10 + 0.3f * face.hair_length));
        hair.push_back(brush.geometry.on_outline(-face.face_width * 0.9f, 10 + 0.3f * face.hair_length));
        brush.canvas.fill(hair, paint);
    }
}

inline void paint_skin(const Brush& brush, RandomSequence& random) {
    const FaceIdentity& face = brush.face();
    const FaceGeometry& at = brush.geometry;
    const Lighting& light = brush.light;
    Canvas& canvas = brush.canvas;
    const float s = brush.scale();
    for (const float side : {-1.0f, 1.0f}) {
        const Point ear = at.project(side * face.face_width * 1.03f, -4, -10);
        canvas.fill(ellipse(ear, face.ear_size * 0.5f * s, face.ear_size * s, brush.condition().roll),
                    light(face.skin * 0.86f));
        canvas.fill(ellipse(ear, face.ear_size * 0.25f * s, face.ear_size * 0.6f * s, brush.condition().roll),
                    light(face.skin * 0.66f));
    }
    canvas.fill(at.outline(), light(face.skin));
    const Colour red = face.skin * Colour{1.0f, 0.72f, 0.70f};
    for (const float side : {-1.0f, 1.0f}) {
        canvas.glow(at.on_face(side * 20, 10), 7 * s, 5 * s, light(red), face.blush);
        if (face.folds > 0)
            canvas.fill(
                stroke(smooth_open(at.on_face({{side * 9.5f, 5}, {side * 14, 12}, {side * 15.5f, 20}}, 3)),
                       1.1f * s, 0.3f),
                light(face.skin * 0.55f), face.folds * 0.6f);
    }
    const Colour spot = face.skin * Colour{0.62f, 0.48f, 0.40f};
    RandomSequence freckles = random;
    for (int i = 0; face.freckles > 0 && i < 26; ++i) {
        const float x = detail::draw(freckles, -24, 24), y = detail::draw(freckles, -6, 14);
        canvas.fill(ellipse(at.on_face(x, y, 1), 0.7f * s, 0.7f * s, 0, 6), light(spot),
                    face.freckles * 0.6f);
    }
    for (int i = 0; i < face.moles; ++i) {
        const Mole& mole = face.mole[i];
        canvas.fill(ellipse(at.on_face(mole.x, mole.y, 1), mole.radius * s, mole.radius * s, 0, 10),
                    light(spot * 0.45f), 0.9f);
    }
    const Point shine = at.on_face(brush.condition().light_x * 16, -33 + brush.condition().light_y * 6);
    canvas.glow(shine, 8 * s, 5 * s, Colour{1, 1, 1}, 0.22f * brush.condition().diffuse);
}

inline void paint_beard(const Brush& brush) {
    const FaceIdentity& face = brush.face();
    const FaceGeometry& at = brush.geometry;
    const auto hair = brush.light(face.hair * 0.9f);
    const float y = face.mouth_height, w = face.mouth_width,
                chin = face.chin_length + 3.5f * brush.condition().mouth_open;
    const float lip = y - face.upper_lip;
    if (face.beard == Beard::stubble || face.beard == Beard::full) {
        const float f = face.face_width, jaw = f * face.jaw_width;
        brush.canvas.fill(
            smooth_closed(Polygon{
                at.on_outline(-f * 0.97f, 2), at.on_outline(-jaw * 0.96f, face.jaw_height),
                at.on_outline(-jaw * 0.5f, chin * 0.92f), at.on_outline(0, chin),
                at.on_outline(jaw * 0.5f, chin * 0.92f), at.on_outline(jaw * 0.96f, face.jaw_height),
                at.on_outline(f * 0.97f, 2), at.on_face(f * 0.72f, y - 8), at.on_face(w * 1.2f, lip - 4),
                at.on_face(0, lip - 3, 3), at.on_face(-w * 1.2f, lip - 4), at.on_face(-f * 0.72f, y - 8)}),
            hair, face.beard == Beard::full ? 0.88f : 0.28f);
    } else if (face.beard == Beard::goatee) {
        brush.canvas.fill(smooth_closed(at.on_face({{-w * 0.6f, y + 7},
                                                    {0, y + 6},
                                                    {w * 0.6f, y + 7},
                                                    {w * 0.45f, chin - 2},
                                                    {0, chin},
                                                    {-w * 0.45f, chin - 2}},
                                                   1)),
                          hair, 0.85f);
    }
    if (face.beard == Beard::goatee || face.beard == Beard::moustache)
        brush.canvas.fill(smooth_closed(at.on_face({{-w * 1.1f, y + 1},
                                                    {-w * 0.5f, lip - 3.4f},
                                                    {0, lip - 2.6f},
                                                    {w * 0.5f, lip - 3.4f},
                                                    {w * 1.1f, y + 1},
                                                    {w * 0.5f, lip - 0.2f},
                                                    {0, lip - 0.2f},
                                                    {-w * 0.5f, lip - 0.2f}},
                                                   4)),
                          hair, 0.9f);
}

/// The border between hair and forehead, from the right of the image to its left, by style.
inline Polygon hairline(const Brush& brush, RandomSequence& random) {
    const FaceIdentity& face = brush.face();
    const float w = face.face_width, y = face.hairline, part = face.part_side;
    const auto jitter = [&] { return detail::draw(random, -1, 1) * brush.condition().hair_disorder * 1.2f; };
    switch (face.hair_style) {
        case HairStyle::short_fringe:
            return brush.geometry.on_face({{w * 0.95f, -12},
                                           {w * 0.8f, y + 6 + jitter()},
                                           {w * 0.45f, y + 10 + jitter()},
                                           {w * 0.1f, y + 8 + jitter()},
                                           {-w * 0.3f, y + 10 + jitter()},
                                           {-w * 0.7f, y + 7 + jitter()},
                                           {-w * 0.95f, -12}});
        case HairStyle::side_part:
            return brush.geometry.on_face({{w * 0.97f, -8},
                                           {w * 0.86f, y + 7 - 5 * part + jitter()},
                                           {w * 0.4f, y - 4 * part + jitter()},
                                           {w * 0.4f * part, y - 6},
                                           {-w * 0.4f, y + 4 * part + jitter()},
                                           {-w * 0.86f, y + 7 + 5 * part + jitter()},
                                           {-w * 0.97f, -8}});
        case HairStyle::long_straight:
            return brush.geometry.on_face({{w * 0.98f, 12},
                                           {w * 0.84f, -14 + jitter()},
                                           {w * 0.55f, y + 2},
                                           {w * 0.3f * part, y - 7},
                                           {-w * 0.55f, y + 2},
                                           {-w * 0.84f, -14 + jitter()},
                                           {-w * 0.98f, 12}});
        case HairStyle::receding:
            return brush.geometry.on_face({{w * 0.98f, -4},
                                           {w * 0.90f, y + 4},
                                           {w * 0.55f, y - 9},
                                           {0, y - 5 + jitter()},
                                           {-w * 0.55f, y - 9},
                                           {-w * 0.90f, y + 4},
                                           {-w * 0.98f, -4}});
        default:  // curly
            return brush.geometry.on_face({{w * 0.95f, -6},
                                           {w * 0.82f, y + 5 + jitter()},
                                           {w * 0.42f, y - 1 + jitter()},
                                           {0, y + 2 + jitter()},
                                           {-w * 0.42f, y - 1 + jitter()},
                                           {-w * 0.82f, y + 5 + jitter()},
                                           {-w * 0.95f, -6}});
    }
}

inline void paint_front_hair(const Brush& brush, RandomSequence& random) {
    const FaceIdentity& face = brush.face();
    if (face.hair_style == HairStyle::bald)
        return;
    const bool thin = face.hair_style == HairStyle::receding;
    const float waves = face.hair_style == HairStyle::curly ? face.curl : brush.condition().hair_disorder;
    Polygon hair = hair_border(brush, thin ? 1.04f : face.hair_volume, waves, random);
    const Polygon inner = smooth_open(hairline(brush, random));
    hair.insert(hair.end(), inner.begin(), inner.end());
    brush.canvas.fill(hair, brush.light(face.hair));
    const Colour sheen = mix(face.hair, Colour{1, 1, 1}, 0.28f);
    for (int i = 0; i < 7; ++i) {
        const float x =
            face.face_width * (-0.75f + 0.25f * static_cast<float>(i)) + detail::draw(random, -3, 3);
        const float top =
            -face.forehead_height * face.hair_volume * 0.97f * std::sqrt(std::max(0.05f, 1 - x * x / 2200));
        const Polygon strand{brush.geometry.on_outline(x * 0.85f, top),
                             brush.geometry.on_outline(x, top * 0.86f),
                             brush.geometry.on_outline(x * 1.08f, top * 0.74f)};
        brush.canvas.fill(stroke(smooth_open(strand), 1.3f * brush.scale(), 0.2f),
                          brush.light(i % 2 ? sheen : face.hair * 0.6f), 0.4f);
    }
}

inline void paint_glasses(const Brush& brush) {
    const FaceIdentity& face = brush.face();
    const FaceGeometry& at = brush.geometry;
    const auto frame = brush.light(face.glasses_frame);
    const float width = 1.5f * brush.scale(), r = face.glasses_size;
    for (const float side : {-1.0f, 1.0f}) {
        Polygon rim;
        for (int i = 0; i <= 20; ++i) {
            const float a = 6.2831853f * static_cast<float>(i) / 20;
            // A superellipse between a circle and a rounded box.
            const float power = 0.35f + 0.65f * face.glasses_roundness;
            const float c = std::cos(a), s = std::sin(a);
            rim.push_back(at.on_face(
                side * (face.eye_distance + 0.5f) + std::copysign(std::pow(std::abs(c), power), c) * r,
                face.eye_height + 1 + std::copysign(std::pow(std::abs(s), power), s) * r * 0.78f, 5));
        }
        brush.canvas.fill(rim, Colour{0.9f, 0.95f, 1.0f}, 0.12f);
        brush.canvas.fill(stroke(rim, width), frame);
        brush.canvas.fill(stroke(Polygon{at.on_face(side * (face.eye_distance + r), face.eye_height - 2, 5),
                                         at.project(side * face.face_width * 1.02f, face.eye_height - 3, -6)},
                                 width),
                          frame);
    }
    const float inner = std::max(1.0f, face.eye_distance + 0.5f - r);
    brush.canvas.fill(
        stroke(at.on_face(
                   {{-inner, face.eye_height - 1}, {0, face.eye_height - 2.5f}, {inner, face.eye_height - 1}},
                   7),
               width),
        frame);
}

inline void paint_hat(const Brush& brush, RandomSequence& random) {
    const float low = detail::draw(random, -40, -33), w = brush.face().face_width * 1.16f;
    const FaceGeometry& at = brush.geometry;
    brush.canvas.fill(
        smooth_closed(Polygon{at.on_outline(-w, low + 9), at.on_outline(-w * 0.98f, low - 18),
                              at.on_outline(-w * 0.5f, low - 36), at.on_outline(w * 0.5f, low - 36),
                              at.on_outline(w * 0.98f, low - 18), at.on_outline(w, low + 9),
                              at.on_outline(w * 0.5f, low + 1), at.on_outline(0, low - 1),
                              at.on_outline(-w * 0.5f, low + 1)}),
        brush.light(brush.condition().hat));
    brush.canvas.fill(stroke(smooth_open(Polygon{at.on_outline(-w, low + 7), at.on_outline(-w * 0.5f, low),
                                                 at.on_outline(0, low - 2), at.on_outline(w * 0.5f, low),
                                                 at.on_outline(w, low + 7)}),
                             5 * brush.scale(), 1),
                      brush.light(brush.condition().hat * 0.7f));
}

/// The whole picture of one face.
inline Canvas paint_face(const FaceGeometry& geometry, std::uint64_t seed, std::uint64_t identity) {
    const FaceIdentity& face = geometry.face();
    const FaceCondition& condition = geometry.condition();
    Canvas canvas(face_size, face_size);
    RandomSequence scene(seed ^ 0x5CE7E5EEDull, condition.background);
    RandomSequence fixed(seed ^ 0xF4EC1E5ull, identity);  // curls and freckles belong to the person
    paint_background(canvas, scene);
    const Lighting light(geometry);
    const Brush brush{canvas, geometry, light};
    paint_body(brush);
    paint_back_hair(brush, fixed);
    paint_skin(brush, fixed);
    paint_beard(brush);
    paint_nose(brush);
    paint_mouth(brush);
    for (const int side : {-1, 1}) {
        paint_eye(brush, side);
        paint_brow(brush, side);
    }
    paint_front_hair(brush, scene);
    if (face.wears_glasses && !condition.takes_glasses_off)
        paint_glasses(brush);
    if (condition.has_hat)
        paint_hat(brush, scene);
    if (condition.has_occluder)
        paint_occluder(canvas, scene);
    apply_camera(canvas, condition, scene);
    return canvas;
}

}  // namespace synthetic
}  // namespace lafs::inline LAFS_ABI
