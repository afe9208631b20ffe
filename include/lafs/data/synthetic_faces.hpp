// The library's own faces: a deterministic generator, the default data of tests, examples and demo.
//
// An identity is the shape and colouring of a face; an image is its pose, light, expression, hair
// disorder, background, camera and noise. Every image is a pure function of (seed, identity, image), in
// any order, on any thread, and comes with its landmarks. What changes between images of one person is
// larger in pixels than what differs between people: comparing pixels verifies little above chance.
#pragma once

#include <cstddef>
#include <cstdint>
#include <lafs/core/error.hpp>
#include <lafs/data/image.hpp>
#include <lafs/data/synthetic/condition.hpp>
#include <lafs/data/synthetic/geometry.hpp>
#include <lafs/data/synthetic/head.hpp>
#include <lafs/data/synthetic/identity.hpp>
#include <vector>

namespace lafs::inline LAFS_ABI {

/// A set of `identities` x `images_per_identity` faces of 112 x 112 pixels, in order of identity.
///
/// `first_identity` shifts the identities: sets that do not overlap show different people.
class SyntheticFaces {
public:
    /// Points that `landmarks` returns; the first five are left eye, right eye, nose tip, left and right
    /// corner of the mouth, as seen in the image.
    static constexpr std::size_t landmark_count = 40;

    /// Throws unless the counts are positive, with at most 10^6 images an identity and 10^9 in all.
    SyntheticFaces(std::int64_t identities, std::int64_t images_per_identity, std::uint64_t seed = 0,
                   std::int64_t first_identity = 0)
        : identities_(identities), images_(images_per_identity), first_(first_identity), seed_(seed) {
        constexpr std::int64_t most = 1'000'000'000;
        require(identities > 0 && identities <= most, "synthetic faces", "got ", identities,
                " identities, expected 1 to ", most);
        require(images_per_identity > 0 && images_per_identity <= 1'000'000, "synthetic faces", "got ",
                images_per_identity, " images per identity, expected 1 to 1000000");
        require(identities <= most / images_per_identity, "synthetic faces", "got ", identities, " x ",
                images_per_identity, " images, expected at most ", most, " in all");
        require(first_identity >= 0 && first_identity <= most, "synthetic faces", "got first identity ",
                first_identity, ", expected 0 to ", most);
    }

    std::int64_t size() const { return identities_ * images_; }
    std::int64_t identities() const { return identities_; }
    std::int64_t images_per_identity() const { return images_; }
    std::int64_t first_identity() const { return first_; }

    /// The number of the identity shown by an image, from 0.
    std::int64_t label(std::int64_t index) const {
        check(index);
        return index / images_;
    }

    Image image(std::int64_t index) const {
        return synthetic::paint_face(geometry(index), seed_, person(index)).image();
    }

    /// The places of the features in that image, in pixels; some may lie outside or be covered.
    std::vector<synthetic::Point> landmarks(std::int64_t index) const { return geometry(index).landmarks(); }

    /// The parameters behind an image: what an all-knowing observer would measure.
    synthetic::FaceGeometry geometry(std::int64_t index) const {
        check(index);
        return {synthetic::draw_identity(seed_, person(index)),
                synthetic::draw_condition(seed_, person(index), static_cast<std::uint64_t>(index % images_))};
    }

private:
    std::uint64_t person(std::int64_t index) const {
        return static_cast<std::uint64_t>(first_ + index / images_);
    }

    void check(std::int64_t index) const {
        require(index >= 0 && index < size(), "synthetic faces", "got index ", index, ", expected 0 to ",
                size() - 1);
    }

    std::int64_t identities_, images_, first_;
    std::uint64_t seed_;
};

}  // namespace lafs::inline LAFS_ABI
