// The recognition heads by name.
#pragma once

#include <lafs/losses/arcface.hpp>
#include <lafs/losses/cosface.hpp>
#include <lafs/losses/scaled_softmax.hpp>
#include <lafs/losses/sface.hpp>
#include <memory>
#include <string>

namespace lafs::inline LAFS_ABI {

/// Which head; numbers below 0 take the head's published value.
struct HeadOptions {
    std::string name = "cosface";  ///< cosface, arcface, sface or softmax
    double scale = -1, margin = -1;
    bool easy_margin = false;  ///< of arcface
};

/// Makes a head. Throws for a name that is none and a margin where there is none.
template <class T = float, class D = Cpu>
std::unique_ptr<MarginHead<T, D>> make_head(const HeadOptions& options, std::int64_t features,
                                            std::int64_t classes) {
    const double scale = options.scale < 0 ? 64.0 : options.scale;
    const auto margin = [&](double published) { return options.margin < 0 ? published : options.margin; };
    require(!options.easy_margin || options.name == "arcface", "head", "got an easy margin for ",
            options.name, ", only arcface has one");
    if (options.name == "cosface")
        return std::make_unique<CosFace<T, D>>(features, classes, scale, margin(0.4));
    if (options.name == "arcface")
        return std::make_unique<ArcFace<T, D>>(features, classes, scale, margin(0.5),
                                               options.easy_margin ? ArcMargin::easy : ArcMargin::all);
    require(options.margin < 0, "head", "got margin ", options.margin, ", but ", options.name, " has none");
    if (options.name == "sface") {
        SFaceOptions sface;
        sface.scale = scale;
        return std::make_unique<SFace<T, D>>(features, classes, sface);
    }
    if (options.name == "softmax")
        return std::make_unique<ScaledSoftmax<T, D>>(features, classes, scale);
    fail("head", "got \"", options.name, "\", expected cosface, arcface, sface or softmax");
}

}  // namespace lafs::inline LAFS_ABI
