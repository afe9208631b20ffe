// Where the parts of a synthetic face are in its image.
//
// Features lie on a flattened ellipsoid that is turned (yaw, pitch, roll) and projected, so they move
// against the outline and against each other as those of a real head do. The painter and the
// landmarks take their points from here, hence agree.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <initializer_list>
#include <lafs/data/synthetic/canvas.hpp>
#include <lafs/data/synthetic/condition.hpp>
#include <lafs/data/synthetic/identity.hpp>
#include <span>
#include <vector>

namespace lafs::inline LAFS_ABI {
namespace synthetic {

inline constexpr int face_size = 112;

/// An eye in image coordinates. `inner` is the corner at the nose.
struct EyeShape {
    Point centre, inner, outer, top, bottom, iris;
    Polygon outline, upper_lid, crease;
    float iris_radius = 0;
};

struct MouthShape {
    Point left, right, top, bottom, centre;
    Polygon upper, lower, opening;
};

struct NoseShape {
    Point top, bridge, tip, left, right, base;
};

class FaceGeometry {
public:
    FaceGeometry(const FaceIdentity& face, const FaceCondition& condition)
        : face_(face), condition_(condition) {
        // The similarity of an aligned face puts the middle of eyes, nose and mouth at the template's.
        const auto five = five_points();
        Point sum;
        for (const Point p : five)
            sum = sum + p;
        offset_ = Point{56.0f, 71.0f} - sum * 0.2f + condition.shift;
    }

    const FaceIdentity& face() const { return face_; }
    const FaceCondition& condition() const { return condition_; }

    /// Projects a point of the head; z is towards the viewer.
    Point project(float x, float y, float z) const {
        const float cy = std::cos(condition_.yaw), sy = std::sin(condition_.yaw);
        const float cp = std::cos(condition_.pitch), sp = std::sin(condition_.pitch);
        const float x1 = x * cy + z * sy, z1 = z * cy - x * sy;
        const float y1 = y * cp + z1 * sp, z2 = z1 * cp - y * sp;
        const float perspective = condition_.scale * 0.94f / (1.0f - z2 / 420.0f);
        const float c = std::cos(condition_.roll) * perspective, s = std::sin(condition_.roll) * perspective;
        return Point{x1 * c - y1 * s, x1 * s + y1 * c} + offset_;
    }

    /// The point of the face's surface in front of (x, y), raised by `lift`.
    Point on_face(float x, float y, float lift = 0.0f) const {
        const float u = x / (face_.face_width * 1.12f), v = y / 62.0f;
        return project(x, y, 34.0f * std::sqrt(std::max(0.0f, 1.0f - u * u - v * v)) + lift);
    }

    /// A point of the silhouette, which keeps its place when the head turns.
    Point on_outline(float x, float y) const { return project(x, y, 0.0f); }

    Polygon on_face(std::initializer_list<Point> points, float lift = 0.0f) const {
        Polygon result;
        for (const Point p : points)
            result.push_back(on_face(p.x, p.y, lift));
        return result;
    }

    /// Right half of the silhouette from the forehead to the chin, unprojected.
    std::array<Point, 8> half_outline() const {
        const float w = face_.face_width, jaw = w * face_.jaw_width, chin = w * face_.chin_width;
        const float open = 3.5f * condition_.mouth_open, end = face_.chin_length + open;
        return {Point{w * 0.55f, -face_.forehead_height},
                Point{w * 0.90f, -face_.forehead_height * 0.68f},
                Point{w, -14},
                Point{w * 0.985f, 4},
                Point{(w + jaw) * 0.49f, (face_.jaw_height + 4) * 0.62f},
                Point{jaw * 0.93f, face_.jaw_height + open * 0.6f},
                Point{(jaw * 0.72f + chin) * 0.5f, (face_.jaw_height + end) * 0.53f},
                Point{chin * 0.72f, end - 1.2f}};
    }

    /// The closed silhouette of the face without hair and ears, grown by a factor around its centre.
    Polygon outline(float grow = 1.0f) const {
        const auto half = half_outline();
        Polygon points{on_outline(0, -face_.forehead_height * 1.06f * grow)};
        for (const Point p : half)
            points.push_back(on_outline(p.x * grow, p.y * grow));
        points.push_back(on_outline(0, (face_.chin_length + 3.5f * condition_.mouth_open) * grow));
        for (std::size_t i = half.size(); i-- > 0;)
            points.push_back(on_outline(-half[i].x * grow, half[i].y * grow));
        return smooth_closed(points);
    }

    /// side -1 is the eye on the left of the image, +1 the one on its right.
    EyeShape eye(int side) const {
        const float s = static_cast<float>(side), w = face_.eye_width;
        const float x = s * face_.eye_distance, y = face_.eye_height;
        const float open =
            w * face_.eye_opening * condition_.eye_open * (1.0f - 0.15f * std::max(0.0f, condition_.smile));
        const float tilt = -face_.eye_tilt * w;
        EyeShape eye;
        const auto at = [&](float u, float v) { return on_face(x + s * u, y + v + tilt * u / w, 1.0f); };
        eye.centre = at(0, 0);
        eye.inner = at(-w, 0);
        eye.outer = at(w, 0);
        eye.top = at(0, -open);
        eye.bottom = at(0, open * 0.8f);
        const Polygon upper{eye.inner, at(-w * 0.55f, -open * 0.78f), eye.top, at(w * 0.6f, -open * 0.72f),
                            eye.outer};
        eye.upper_lid = smooth_open(upper);
        eye.outline =
            smooth_closed(Polygon{eye.inner, upper[1], eye.top, upper[3], eye.outer,
                                  at(w * 0.5f, open * 0.62f), eye.bottom, at(-w * 0.5f, open * 0.6f)});
        const float fold = open + 1.2f + 1.6f * face_.lid_crease;
        eye.crease = smooth_open(Polygon{at(-w * 0.9f, -fold * 0.45f), at(-w * 0.4f, -fold * 0.95f),
                                         at(w * 0.2f, -fold), at(w, -fold * 0.4f)});
        eye.iris_radius = w * 0.46f * condition_.scale;
        // The gaze is that of both eyes, so it does not follow the side.
        eye.iris = at(s * condition_.gaze_x * w * 0.36f, condition_.gaze_y * open * 0.4f);
        return eye;
    }

    /// The middle line of a brow, from the nose outwards.
    Polygon brow(int side) const {
        const float s = static_cast<float>(side), l = face_.brow_length;
        const float y = face_.eye_height - face_.brow_gap - 2.6f * condition_.brow_raise;
        const float tilt = -face_.brow_tilt * l - 1.0f * condition_.brow_raise;
        const float x = s * (face_.eye_distance + 0.5f);
        const auto at = [&](float u, float v) { return on_face(x + s * u * l, y + v + tilt * u, 1.5f); };
        return smooth_open(Polygon{at(-0.95f, 1.0f), at(-0.3f, -face_.brow_arch * 0.6f),
                                   at(0.35f, -face_.brow_arch), at(1.0f, 1.2f)});
    }

    NoseShape nose() const {
        const float top = face_.eye_height + 1, end = face_.eye_height + face_.nose_length,
                    w = face_.nose_width;
        return {on_face(0, top, 2),         on_face(0, (top + end) * 0.5f, 6),
                on_face(0, end - 2.0f, 11), on_face(-w, end, 3),
                on_face(w, end, 3),         on_face(0, end + 2.0f, 6)};
    }

    MouthShape mouth() const {
        const float w =
            face_.mouth_width * (1.0f + 0.14f * condition_.smile) * (1.0f - 0.12f * condition_.mouth_open);
        const float y = face_.mouth_height, open = 5.5f * condition_.mouth_open;
        const float corner = -3.2f * condition_.smile;
        const float up = face_.upper_lip, low = face_.lower_lip, bow = face_.cupid_bow;
        const auto at = [&](float u, float v) { return on_face(u * w, y + v, 3.0f); };
        MouthShape mouth;
        mouth.left = at(-1, corner);
        mouth.right = at(1, corner);
        mouth.top = at(0, -up - open * 0.3f + bow);
        mouth.bottom = at(0, low + open);
        mouth.centre = at(0, open * 0.35f);
        const Polygon seam_up{mouth.right, at(0.5f, corner * 0.3f - open * 0.25f), at(0, -open * 0.3f),
                              at(-0.5f, corner * 0.3f - open * 0.25f), mouth.left};
        const Polygon seam_low{mouth.left, at(-0.5f, corner * 0.25f + open * 0.7f), at(0, open + 0.1f),
                               at(0.5f, corner * 0.25f + open * 0.7f), mouth.right};
        Polygon upper{mouth.left,
                      at(-0.55f, corner * 0.4f - up * 0.7f - open * 0.25f),
                      at(-0.2f, -up - open * 0.3f - 0.3f * bow),
                      mouth.top,
                      at(0.2f, -up - open * 0.3f - 0.3f * bow),
                      at(0.55f, corner * 0.4f - up * 0.7f - open * 0.25f)};
        upper.insert(upper.end(), seam_up.begin(), seam_up.end() - 1);
        Polygon lower{mouth.right, at(0.55f, corner * 0.2f + low * 0.75f + open * 0.75f), mouth.bottom,
                      at(-0.55f, corner * 0.2f + low * 0.75f + open * 0.75f)};
        lower.insert(lower.end(), seam_low.begin(), seam_low.end() - 1);
        Polygon opening(seam_up);
        opening.insert(opening.end(), seam_low.begin() + 1, seam_low.end() - 1);
        mouth.upper = smooth_closed(upper, 3);
        mouth.lower = smooth_closed(lower, 3);
        mouth.opening = smooth_closed(opening, 3);
        return mouth;
    }

    /// Left eye, right eye, nose tip, left and right mouth corner, as seen in the image.
    std::array<Point, 5> five_points() const {
        const MouthShape lips = mouth();
        return {eye(-1).centre, eye(1).centre, nose().tip, lips.left, lips.right};
    }

    /// The five points, then 4 of each eye, 3 of each brow, 4 of the nose, 2 of the mouth and 15 of the
    /// outline from its left cheek over the chin to the right.
    std::vector<Point> landmarks() const {
        const auto five = five_points();
        std::vector<Point> points(five.begin(), five.end());
        for (const int side : {-1, 1}) {
            const EyeShape shape = eye(side);
            points.insert(points.end(), {shape.inner, shape.top, shape.outer, shape.bottom});
        }
        for (const int side : {-1, 1}) {
            const Polygon line = brow(side);
            points.insert(points.end(), {line.front(), line[line.size() / 2], line.back()});
        }
        const NoseShape shape = nose();
        points.insert(points.end(), {shape.bridge, shape.left, shape.right, shape.base});
        const MouthShape lips = mouth();
        points.insert(points.end(), {lips.top, lips.bottom});
        const auto half = half_outline();
        for (std::size_t i = 1; i < half.size(); ++i)
            points.push_back(on_outline(-half[i].x, half[i].y));
        points.push_back(on_outline(0, face_.chin_length + 3.5f * condition_.mouth_open));
        for (std::size_t i = half.size(); i-- > 1;)
            points.push_back(on_outline(half[i].x, half[i].y));
        return points;
    }

private:
    FaceIdentity face_;
    FaceCondition condition_;
    Point offset_{};
};

}  // namespace synthetic
}  // namespace lafs::inline LAFS_ABI
