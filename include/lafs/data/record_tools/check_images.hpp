// Decodes all images of a set and tells which are damaged.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <lafs/core/error.hpp>
#include <lafs/core/threads.hpp>
#include <lafs/data/face_source.hpp>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace lafs::inline LAFS_ABI {

/// Called now and then with the number of images that are done, and of all.
using CheckProgress = std::function<void(std::int64_t done, std::int64_t all)>;

/// Runs check(i) for i = 0 .. count - 1 on all threads, in blocks, so that little is in memory at once;
/// take(i, result) follows in order, on this thread.
template <class Check, class Take>
void check_in_order(std::int64_t count, const Check& check, const Take& take,
                    const CheckProgress& progress = {}) {
    constexpr std::int64_t block = 1024;
    std::vector<decltype(check(std::int64_t{0}))> results;
    for (std::int64_t begin = 0; begin < count; begin += block) {
        results.clear();
        results.resize(static_cast<std::size_t>(std::min(block, count - begin)));
        parallel_for(static_cast<std::int64_t>(results.size()),
                     [&](std::int64_t k) { results[static_cast<std::size_t>(k)] = check(begin + k); });
        for (std::size_t k = 0; k < results.size(); ++k)
            take(begin + static_cast<std::int64_t>(k), results[k]);
        if (progress)
            progress(begin + static_cast<std::int64_t>(results.size()), count);
    }
}

/// The size of an image, or what is wrong with it.
struct CheckedImage {
    int width = 0, height = 0;
    std::string problem;
};

/// Calls decode() for an image and catches its errors.
template <class Decode>
CheckedImage check_image_of(const Decode& decode) {
    try {
        const Image image = decode();
        return {image.width, image.height, {}};
    } catch (const Error& error) {
        return {0, 0, error.what()};
    }
}

/// What a set's images are like.
struct ImageCheck {
    std::vector<std::pair<std::int64_t, std::string>> damaged;  ///< in order; what reading each says
    std::map<std::pair<int, int>, std::int64_t> sizes;          ///< (width, height) -> whole images

    void add(std::int64_t i, const CheckedImage& image) {
        if (image.problem.empty())
            ++sizes[{image.width, image.height}];
        else
            damaged.emplace_back(i, image.problem);
    }
};

/// Decodes every image of a source. Throws nothing for damaged ones.
inline ImageCheck check_images(const FaceSource& source, const CheckProgress& progress = {}) {
    ImageCheck result;
    check_in_order(
        source.size(), [&](std::int64_t i) { return check_image_of([&] { return source.image(i); }); },
        [&](std::int64_t i, const CheckedImage& image) { result.add(i, image); }, progress);
    return result;
}

}  // namespace lafs::inline LAFS_ABI
