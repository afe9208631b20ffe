// Verification pairs of a source, and sources and pairs as files.
#pragma once

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <lafs/core/error.hpp>
#include <lafs/core/random.hpp>
#include <lafs/data/image_codec.hpp>
#include <lafs/data/pairs.hpp>
#include <lafs/data/source.hpp>
#include <lafs/io/output_files.hpp>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace lafs::inline LAFS_ABI {

/// Two images of one source.
struct IndexPair {
    std::int64_t a = 0, b = 0;
    bool same = false;
};

namespace detail {

/// Draws pairs inside one group of identities: the first half same, the second half different, no pair twice.
class PairDrawer {
public:
    PairDrawer(std::vector<const std::vector<std::int64_t>*> identities, RandomSequence& random)
        : identities_(std::move(identities)), random_(random) {
        for (std::size_t i = 0; i < identities_.size(); ++i)
            if (identities_[i]->size() > 1)
                several_.push_back(i);
    }

    bool possible() const { return identities_.size() > 1 && !several_.empty(); }

    void draw(std::int64_t count, bool same, std::vector<IndexPair>& pairs) {
        for (std::int64_t made = 0, tries = 0; made < count; ++tries) {
            require(tries < 1000 + 100 * count, "make pairs", "got only ", made,
                    " different pairs of a fold of ", identities_.size(), " identities, expected ", count,
                    "; ask for fewer pairs or folds");
            const std::size_t first =
                same ? several_[random_.integer(several_.size())] : random_.integer(identities_.size());
            std::size_t second = first;
            while (!same && second == first)
                second = random_.integer(identities_.size());
            std::int64_t a = pick(first), b = pick(second);
            if (a == b)
                continue;
            if (a > b)
                std::swap(a, b);
            if (used_.insert({a, b}).second) {
                pairs.push_back({a, b, same});
                ++made;
            }
        }
    }

private:
    std::int64_t pick(std::size_t identity) {
        const std::vector<std::int64_t>& own = *identities_[identity];
        return own[random_.integer(own.size())];
    }

    std::vector<const std::vector<std::int64_t>*> identities_;
    std::vector<std::size_t> several_;
    std::set<std::pair<std::int64_t, std::int64_t>> used_;
    RandomSequence& random_;
};

}  // namespace detail

/// Draws `pairs` pairs in `folds` contiguous folds, each half same then half different, the same for the
/// same seed. Every fold has its own identities where there are at least two of several images for each
/// fold; otherwise all folds draw from all identities. Throws unless `pairs` is a multiple of 2 folds and
/// the source has two identities, one with two images.
inline std::vector<IndexPair> make_pairs(const FaceSource& source, std::int64_t pairs, int folds,
                                         std::uint64_t seed) {
    require(folds > 0 && pairs > 0 && pairs % (2 * std::int64_t{folds}) == 0, "make pairs", "got ", pairs,
            " pairs in ", folds, " folds, expected a multiple of twice the folds");
    const auto images = detail::images_by_identity(source);
    std::vector<const std::vector<std::int64_t>*> several, all;
    for (const auto& own : images) {
        if (own.size() > 1)
            several.push_back(&own);
        if (!own.empty())
            all.push_back(&own);
    }
    RandomSequence random(seed, 0);
    const bool disjoint = several.size() >= 2 * static_cast<std::size_t>(folds);
    detail::shuffle_front(several, several.size(), random);
    std::vector<IndexPair> result;
    for (int fold = 0; fold < folds; ++fold) {
        std::vector<const std::vector<std::int64_t>*> own;
        for (std::size_t i = static_cast<std::size_t>(fold); disjoint && i < several.size();
             i += static_cast<std::size_t>(folds))
            own.push_back(several[i]);
        detail::PairDrawer drawer(disjoint ? own : all, random);
        require(drawer.possible(), "make pairs", "got ", all.size(), " identities, ", several.size(),
                " with two images or more, expected at least two and one");
        drawer.draw(pairs / folds / 2, true, result);
        drawer.draw(pairs / folds / 2, false, result);
    }
    return result;
}

/// The path that `write_image_folder` gives to an image: lossless PNG, whatever the source's name ends in.
inline std::filesystem::path exported_file(const FaceSource& source, std::int64_t i,
                                           const std::filesystem::path& root) {
    return root / std::filesystem::path(source.name(i)).replace_extension(".png");
}

/// Writes all images as root/<identity>/<image>.png. Throws for a folder that is there and not empty: sets would
/// mix.
inline void write_image_folder(const FaceSource& source, const std::filesystem::path& root) {
    check_new_folder(root, "");
    std::set<std::filesystem::path> written;
    for (std::int64_t i = 0; i < source.size(); ++i) {
        const std::filesystem::path file = exported_file(source, i, root);
        require(written.insert(file).second, "write image folder", "two images would become ", file);
        std::error_code error;
        std::filesystem::create_directories(file.parent_path(), error);
        require(!error, "write image folder", "cannot create ", file.parent_path(), ": ", error.message());
        save_image(file, source.image(i));
    }
}

/// The pairs as files below `root`, for `write_pairs`.
inline PairList pairs_as_files(const FaceSource& source, const std::vector<IndexPair>& pairs, int folds,
                               const std::filesystem::path& root) {
    PairList list{folds, {}};
    for (const IndexPair& pair : pairs)
        list.pairs.push_back(
            {exported_file(source, pair.a, root), exported_file(source, pair.b, root), pair.same});
    return list;
}

}  // namespace lafs::inline LAFS_ABI
