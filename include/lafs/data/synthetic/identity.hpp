// Who a synthetic face is: everything that stays the same in all images of one identity.
//
// Lengths are pixels of a 112 x 112 image at scale 1, from the centre of the face; x right, y down.
#pragma once

#include <cstddef>
#include <cstdint>
#include <lafs/core/random.hpp>
#include <lafs/data/synthetic/canvas.hpp>

namespace lafs::inline LAFS_ABI {
namespace synthetic {

enum class HairStyle { bald, short_fringe, side_part, long_straight, curly, receding };
enum class Beard { none, stubble, full, goatee, moustache };

/// A mole: its place and radius.
struct Mole {
    float x = 0, y = 0, radius = 0;
};

struct FaceIdentity {
    Colour skin, hair, iris, lips, glasses_frame;
    float face_width, jaw_width, jaw_height, chin_length, chin_width, forehead_height, ear_size;
    float eye_distance, eye_height, eye_width, eye_opening, eye_tilt, lid_crease;
    float brow_gap, brow_thickness, brow_arch, brow_tilt, brow_length;
    float nose_length, nose_width, nose_tip, nose_bridge;
    float mouth_height, mouth_width, upper_lip, lower_lip, cupid_bow;
    HairStyle hair_style;
    float hair_volume, hairline, part_side, hair_length, curl;
    Beard beard;
    bool wears_glasses;
    float glasses_size, glasses_roundness;
    int moles;
    Mole mole[3];
    float freckles, blush, folds;
};

namespace detail {

inline float draw(RandomSequence& random, double low, double high) {
    return static_cast<float>(random.uniform(low, high));
}

template <std::size_t N>
Colour pick(RandomSequence& random, const Colour (&palette)[N], float spread) {
    Colour c = palette[random.integer(N)];
    const float shade = draw(random, 1.0 - spread, 1.0 + spread);
    c = c * shade;
    return {c.r * draw(random, 1 - spread / 2, 1 + spread / 2), c.g,
            c.b * draw(random, 1 - spread / 2, 1 + spread / 2)};
}

inline Colour draw_skin(RandomSequence& random) {
    constexpr Colour tone[] = {
        {0.97f, 0.83f, 0.73f}, {0.88f, 0.68f, 0.53f}, {0.68f, 0.46f, 0.32f}, {0.40f, 0.26f, 0.18f}};
    const float t = draw(random, 0, 2.999);
    const int i = static_cast<int>(t);
    const Colour base = mix(tone[i], tone[i + 1], t - static_cast<float>(i));
    return {base.r, base.g * draw(random, 0.95, 1.05), base.b * draw(random, 0.90, 1.10)};
}

inline void draw_colours(RandomSequence& random, FaceIdentity& face) {
    constexpr Colour hair[] = {{0.07f, 0.06f, 0.06f}, {0.16f, 0.10f, 0.07f}, {0.30f, 0.19f, 0.11f},
                               {0.45f, 0.28f, 0.14f}, {0.52f, 0.20f, 0.09f}, {0.75f, 0.58f, 0.32f},
                               {0.87f, 0.76f, 0.54f}, {0.62f, 0.61f, 0.60f}};
    constexpr Colour iris[] = {{0.22f, 0.13f, 0.08f}, {0.38f, 0.22f, 0.11f}, {0.45f, 0.38f, 0.18f},
                               {0.28f, 0.45f, 0.28f}, {0.28f, 0.48f, 0.70f}, {0.48f, 0.54f, 0.58f}};
    constexpr Colour frame[] = {{0.06f, 0.06f, 0.07f},
                                {0.35f, 0.18f, 0.10f},
                                {0.60f, 0.12f, 0.14f},
                                {0.55f, 0.50f, 0.35f},
                                {0.15f, 0.22f, 0.45f}};
    face.skin = draw_skin(random);
    face.hair = pick(random, hair, 0.2f);
    face.iris = pick(random, iris, 0.2f);
    face.glasses_frame = pick(random, frame, 0.2f);
    face.lips =
        mix(face.skin * Colour{0.95f, 0.70f, 0.70f}, Colour{0.75f, 0.20f, 0.25f}, draw(random, 0.0, 0.7));
}

inline void draw_shape(RandomSequence& random, FaceIdentity& face) {
    face.face_width = draw(random, 34, 42);
    face.jaw_width = draw(random, 0.68, 0.98);
    face.jaw_height = draw(random, 20, 30);
    face.chin_length = draw(random, 41, 51);
    face.chin_width = draw(random, 0.20, 0.52);
    face.forehead_height = draw(random, 46, 56);
    face.ear_size = draw(random, 6.5, 11);
    face.eye_distance = draw(random, 14.5, 20);
    face.eye_height = draw(random, -22, -16);
    face.eye_width = draw(random, 5.6, 8.8);
    face.eye_opening = draw(random, 0.34, 0.62);
    face.eye_tilt = draw(random, -0.20, 0.20);
    face.lid_crease = draw(random, 0.0, 1.0);
    face.brow_gap = draw(random, 6.5, 11);
    face.brow_thickness = draw(random, 1.4, 4.6);
    face.brow_arch = draw(random, 0.0, 3.5);
    face.brow_tilt = draw(random, -0.22, 0.22);
    face.brow_length = draw(random, 7.5, 11);
    face.nose_length = draw(random, 17, 27);
    face.nose_width = draw(random, 5.0, 10.0);
    face.nose_tip = draw(random, 2.2, 4.6);
    face.nose_bridge = draw(random, 0.0, 1.0);
    face.mouth_height = draw(random, 20, 28);
    face.mouth_width = draw(random, 10, 17.5);
    face.upper_lip = draw(random, 1.2, 4.0);
    face.lower_lip = draw(random, 1.8, 5.2);
    face.cupid_bow = draw(random, 0.0, 1.0);
}

inline void draw_extras(RandomSequence& random, FaceIdentity& face) {
    face.hair_style = static_cast<HairStyle>(random.integer(6));
    face.hair_volume = draw(random, 1.06, 1.28);
    face.hairline = draw(random, -40, -30);
    face.part_side = draw(random, -1, 1);
    face.hair_length = draw(random, 10, 60);
    face.curl = draw(random, 1.5, 4.5);
    const float bearded = draw(random, 0, 1);
    face.beard = bearded < 0.62f ? Beard::none : static_cast<Beard>(1 + random.integer(4));
    face.wears_glasses = draw(random, 0, 1) < 0.2f;
    face.glasses_size = draw(random, 9.5, 13);
    face.glasses_roundness = draw(random, 0.3, 1.0);
    face.moles = static_cast<int>(random.integer(4));
    const float cheek = face.face_width * 0.62f;
    for (Mole& mole : face.mole) {
        mole.y = draw(random, -8, face.chin_length - 12);
        mole.x = draw(random, -cheek, cheek) * (mole.y > 14 ? face.jaw_width * 0.8f : 1.0f);
        mole.radius = draw(random, 0.7, 1.4);
    }
    face.freckles = draw(random, 0, 1) < 0.2f ? draw(random, 0.4, 1.0) : 0.0f;
    face.blush = draw(random, 0, 0.35);
    face.folds = draw(random, 0, 1) < 0.4f ? draw(random, 0.3, 1.0) : 0.0f;
}

/// Identity and image numbers share the 64 bits of a stream; image 0 of the stream is the identity.
inline constexpr std::uint64_t images_per_stream = std::uint64_t{1} << 24;

inline RandomSequence face_random(std::uint64_t seed, std::uint64_t identity, std::uint64_t slot) {
    return {seed, identity * images_per_stream + slot};
}

}  // namespace detail

/// The identity with this number: a pure function of (seed, identity).
inline FaceIdentity draw_identity(std::uint64_t seed, std::uint64_t identity) {
    RandomSequence random = detail::face_random(seed, identity, 0);
    FaceIdentity face{};
    detail::draw_colours(random, face);
    detail::draw_shape(random, face);
    detail::draw_extras(random, face);
    return face;
}

}  // namespace synthetic
}  // namespace lafs::inline LAFS_ABI
