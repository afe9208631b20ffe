// The images of a verification set (.bin) as a set of faces: a set has pairs, no identities, so that the
// number of the pair stands in the place of the identity's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <lafs/data/blue_first_source.hpp>
#include <lafs/data/face_source.hpp>
#include <lafs/data/source.hpp>
#include <lafs/data/verification_bin.hpp>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace lafs::inline LAFS_ABI {

/// Images 2 p and 2 p + 1 are those of pair p and have the label p.
class BinSource final : public FaceSource {
public:
    explicit BinSource(const std::filesystem::path& path) : set_(VerificationBin::open(path)) {}

    std::int64_t size() const override { return static_cast<std::int64_t>(set_.images()); }
    std::int64_t identities() const override { return static_cast<std::int64_t>(set_.pairs()); }
    std::int64_t label(std::int64_t i) const override { return static_cast<std::int64_t>(checked(i) / 2); }
    Image image(std::int64_t i) const override { return set_.image(checked(i)); }
    std::vector<std::byte> encoded(std::int64_t i) const override {
        const auto bytes = set_.encoded(checked(i));
        return {bytes.begin(), bytes.end()};
    }
    /// `pair0000012/a` and `pair0000012/b`.
    std::string name(std::int64_t i) const override {
        char text[64];
        std::snprintf(text, sizeof text, "pair%07lld/%c", static_cast<long long>(label(i)),
                      i % 2 == 0 ? 'a' : 'b');
        return text;
    }

private:
    std::size_t checked(std::int64_t i) const {
        detail::check_index(i, size());
        return static_cast<std::size_t>(i);
    }

    VerificationBin set_;
};

/// What open_source opens, or a verification set: a file in .bin, also with `bgr:` in front.
inline std::unique_ptr<FaceSource> open_faces(const std::string& text, const SourceOptions& options = {}) {
    const OrderedName named = split_colour_order(text);
    if (lower_extension(named.name) != ".bin" || std::filesystem::is_directory(named.name))
        return open_source(text, options);
    return to_rgb(std::unique_ptr<FaceSource>(std::make_unique<BinSource>(named.name)), named.order);
}

}  // namespace lafs::inline LAFS_ABI
