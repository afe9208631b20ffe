// Paints eyes, brows, nose and mouth of a synthetic face.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <lafs/data/synthetic/canvas.hpp>
#include <lafs/data/synthetic/geometry.hpp>
#include <vector>

namespace lafs::inline LAFS_ABI {
namespace synthetic {

/// How much light falls on each pixel of the head, taken as an ellipsoid facing the camera.
class Lighting {
public:
    explicit Lighting(const FaceGeometry& geometry) : shade_(std::size_t{face_size} * face_size) {
        const FaceCondition& c = geometry.condition();
        const Point centre = geometry.on_outline(0, 0);
        for (int y = 0; y < face_size; ++y)
            for (int x = 0; x < face_size; ++x) {
                float nx = (static_cast<float>(x) - centre.x) / (46 * c.scale);
                float ny = (static_cast<float>(y) - centre.y) / (62 * c.scale);
                const float square = nx * nx + ny * ny,
                            limit = square > 0.95f ? std::sqrt(0.95f / square) : 1.0f;
                nx *= limit;
                ny *= limit;
                const float nz = std::sqrt(1.0f - nx * nx - ny * ny);
                const float facing = std::max(0.0f, nx * c.light_x + ny * c.light_y + nz * c.light_z);
                shade_[static_cast<std::size_t>(y * face_size + x)] = c.ambient + c.diffuse * facing;
            }
    }

    float at(float x, float y) const {
        return shade_[static_cast<std::size_t>(static_cast<int>(y) * face_size + static_cast<int>(x))];
    }

    /// A paint that shows `colour` in this light.
    auto operator()(Colour colour) const {
        return [this, colour](float x, float y) { return colour * at(x, y); };
    }

private:
    std::vector<float> shade_;
};

/// Everything a part needs to be painted.
struct Brush {
    Canvas& canvas;
    const FaceGeometry& geometry;
    const Lighting& light;

    const FaceIdentity& face() const { return geometry.face(); }
    const FaceCondition& condition() const { return geometry.condition(); }
    float scale() const { return condition().scale; }
};

inline void paint_eye(const Brush& brush, int side) {
    const FaceIdentity& face = brush.face();
    const EyeShape eye = brush.geometry.eye(side);
    const Lighting& light = brush.light;
    Canvas& canvas = brush.canvas;
    const Colour shadow = face.skin * Colour{0.55f, 0.45f, 0.42f};
    canvas.glow(eye.centre, 5.5f * brush.scale(), 4.0f * brush.scale(), light(shadow), 0.30f);
    canvas.fill(eye.outline, light({0.93f, 0.91f, 0.89f}));

    // Iris and pupil show only inside the lids: painted on a copy that the outline lets through.
    Canvas inside = canvas;
    inside.fill(ellipse(eye.iris, eye.iris_radius, eye.iris_radius), light(face.iris * 0.55f));
    inside.fill(ellipse(eye.iris, eye.iris_radius * 0.84f, eye.iris_radius * 0.84f),
                light(face.iris * 1.25f));
    inside.fill(ellipse(eye.iris, eye.iris_radius * 0.42f, eye.iris_radius * 0.42f),
                Colour{0.02f, 0.02f, 0.02f});
    const Point glint =
        eye.iris + Point{brush.condition().light_x, brush.condition().light_y} * (eye.iris_radius * 0.5f);
    inside.fill(ellipse(glint, 0.8f, 0.8f, 0, 8), Colour{1, 1, 1}, 0.8f);
    canvas.fill(eye.outline,
                [&](float x, float y) { return inside.at(static_cast<int>(x), static_cast<int>(y)); });

    const Colour lash = mix(face.hair * 0.5f, Colour{0.05f, 0.04f, 0.04f}, 0.6f);
    canvas.fill(stroke(eye.upper_lid, 1.7f * brush.scale(), 0.5f), light(lash), 0.9f);
    canvas.fill(stroke(eye.crease, 0.9f * brush.scale(), 0.3f), light(shadow),
                0.35f + 0.5f * face.lid_crease);
}

inline void paint_brow(const Brush& brush, int side) {
    const FaceIdentity& face = brush.face();
    const Colour hair = mix(face.hair * 0.75f, face.skin * 0.5f, 0.2f);
    brush.canvas.fill(stroke(brush.geometry.brow(side), face.brow_thickness * brush.scale(), 0.35f),
                      brush.light(hair), 0.88f);
}

inline void paint_nose(const Brush& brush) {
    const FaceIdentity& face = brush.face();
    const NoseShape nose = brush.geometry.nose();
    const Lighting& light = brush.light;
    Canvas& canvas = brush.canvas;
    const float s = brush.scale(), side = brush.condition().light_x >= 0 ? -1.0f : 1.0f;
    const Colour dark = face.skin * Colour{0.60f, 0.50f, 0.47f},
                 bright = mix(face.skin, Colour{1, 1, 1}, 0.45f);
    const Point away = side < 0 ? nose.left : nose.right;
    const float depth = std::abs(brush.condition().light_x) * brush.condition().diffuse;
    // The nose's shadow falls away from the light; its ridge and tip are brighter.
    canvas.fill(smooth_closed(Polygon{nose.top, nose.bridge, nose.tip, nose.base, away,
                                      nose.bridge + Point{side * 3.2f * s, 1.0f}},
                              3),
                light(dark), 0.10f + 0.38f * std::min(1.0f, depth));
    canvas.fill(stroke(smooth_open(Polygon{nose.top, nose.bridge, nose.tip}),
                       (1.4f + 1.6f * face.nose_bridge) * s, 0.6f),
                light(bright), 0.16f + 0.30f * face.nose_bridge);
    canvas.glow(nose.tip, face.nose_tip * s, face.nose_tip * 0.85f * s, light(bright), 0.45f);
    canvas.fill(stroke(smooth_open(Polygon{nose.left + Point{0.4f, -3.2f * s}, nose.left, nose.base,
                                           nose.right, nose.right + Point{-0.4f, -3.2f * s}}),
                       1.2f * s, 0.5f),
                light(dark), 0.75f);
    for (const Point wing : {nose.left, nose.right}) {
        const Point hole = mix_points(wing, nose.base, 0.48f);
        canvas.fill(ellipse(hole, face.nose_width * 0.22f * s, 0.95f * s, brush.condition().roll, 12),
                    light(dark * 0.45f), 0.85f);
    }
}

inline void paint_mouth(const Brush& brush) {
    const FaceIdentity& face = brush.face();
    const MouthShape mouth = brush.geometry.mouth();
    const Lighting& light = brush.light;
    Canvas& canvas = brush.canvas;
    const float s = brush.scale(), open = brush.condition().mouth_open;
    canvas.glow(mouth.bottom + Point{0, 3.0f * s}, 5.5f * s, 1.6f * s, light(face.skin * 0.62f), 0.45f);
    canvas.fill(mouth.opening, light({0.22f, 0.06f, 0.07f}));
    if (open > 0.15f) {
        const Point middle = mix_points(mix_points(mouth.left, mouth.right, 0.5f), mouth.centre, 0.6f);
        Canvas inside = canvas;
        inside.fill(ellipse(middle + Point{0, -1.8f * open * s}, face.mouth_width * 0.62f * s, 1.9f * s,
                            brush.condition().roll),
                    light({0.93f, 0.91f, 0.86f}));
        inside.glow(middle + Point{0, 4.5f * open * s}, 4.5f * s, 2.0f * s, light({0.72f, 0.32f, 0.33f}),
                    0.9f);
        canvas.fill(mouth.opening,
                    [&](float x, float y) { return inside.at(static_cast<int>(x), static_cast<int>(y)); });
    }
    canvas.fill(mouth.upper, light(face.lips * 0.84f), 0.92f);
    canvas.fill(mouth.lower, light(face.lips), 0.92f);
    canvas.glow(mix_points(mouth.bottom, mouth.centre, 0.35f), 3.2f * s, 1.1f * s,
                light(mix(face.lips, Colour{1, 1, 1}, 0.5f)), 0.35f);
    canvas.fill(stroke(smooth_open(Polygon{mouth.left, mouth.centre, mouth.right}), 0.8f * s, 0.5f),
                light(face.lips * 0.35f), open > 0.15f ? 0.0f : 0.8f);
}

}  // namespace synthetic
}  // namespace lafs::inline LAFS_ABI
