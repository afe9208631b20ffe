// The set that a run trains on: opened, its colours in order, cut to a share.
#pragma once

#include <cstdint>
#include <lafs/core/warning.hpp>
#include <lafs/data/colour_guess.hpp>
#include <lafs/data/source.hpp>
#include <lafs/train/run_options.hpp>
#include <memory>
#include <string>
#include <utility>

namespace lafs::inline LAFS_ABI {

/// Warns when the colours of a set, read in `stated` order, look swapped.
template <class Load>
void warn_of_colours(const std::string& set, ColourOrder stated, std::int64_t size, const Load& image) {
    if (const auto warning = colour_warning(set, stated, count_colours(size, image)))
        warn(*warning);
}

/// Opens a set by its name, and warns of colours that look swapped in files.
inline std::shared_ptr<const FaceSource> open_checked_source(const std::string& text, ColourOrder order,
                                                             const SourceOptions& options = {}) {
    auto source = to_rgb(std::shared_ptr<const FaceSource>(open_source(text, options)), order);
    const OrderedName name = split_colour_order(text);
    if (!name.name.starts_with("synthetic:"))
        warn_of_colours(name.name, order == ColourOrder::bgr ? order : name.order, source->size(),
                        [&](std::int64_t i) { return source->image(i); });
    return source;
}

/// `source`, or else what `run.data` names; read in `run.colour_order`, cut to the first `share` of its images, then
/// to `images` of each identity (0: all). Throws for sets and shares that are none.
inline std::shared_ptr<const FaceSource> training_set(const RunOptions& run, double share,
                                                      std::int64_t images,
                                                      std::shared_ptr<const FaceSource> source = {}) {
    require(images >= 0, "options", "got --few-shot ", images, ", expected 0 (all) or more");
    source = source ? to_rgb(std::move(source), run.colour_order)
                    : open_checked_source(run.data, run.colour_order, {run.recursive});
    if (share != 1)
        source = partition(std::move(source), share);
    if (images > 0)
        source = few_shot(std::move(source), images, run.seed);
    return source;
}

}  // namespace lafs::inline LAFS_ABI
