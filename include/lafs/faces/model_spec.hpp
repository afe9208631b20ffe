// The text that names a model on the command line and in weights files.
//
//   tiny | small | base                     Part fViT: patches around learnt landmarks
//   grid-tiny | grid-small | grid-base      plain fViT: the 14 x 14 grid of patches
//   tiny:depth=8,width=256,heads=4,hidden=512,landmarks=196    other sizes; also head_width=64, patch=8
//   tiny:image=224                          images of 224 x 224 pixels; a grid has the tokens that they need
#pragma once

#include <charconv>
#include <cstdint>
#include <lafs/data/image_ops.hpp>
#include <lafs/models/vit.hpp>
#include <string>
#include <string_view>

namespace lafs::inline LAFS_ABI {

/// Which of the two models, its sizes, and the pixels it was trained on.
struct ModelSpec {
    bool landmarks = true;  ///< Part fViT; else plain fViT
    VitConfig vit;
    PixelFormat pixels = {};
};

/// The text that `parse_model` reads back to the same architecture.
inline std::string model_text(const ModelSpec& spec) {
    const VitConfig& v = spec.vit;
    const VitConfig usual = VitConfig::base8();
    std::string text = std::string(spec.landmarks ? "" : "grid-") + "base:width=" + std::to_string(v.width) +
                       ",depth=" + std::to_string(v.depth) + ",heads=" + std::to_string(v.heads) +
                       ",hidden=" + std::to_string(v.hidden) + ",tokens=" + std::to_string(v.tokens);
    if (v.head_width != usual.head_width)
        text += ",head_width=" + std::to_string(v.head_width);
    if (v.patch != usual.patch)
        text += ",patch=" + std::to_string(v.patch);
    if (v.image_size != usual.image_size)
        text += ",image=" + std::to_string(v.image_size);
    return text;
}

namespace detail {

inline std::int64_t model_size(std::string_view text, std::string_view whole) {
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    require(error == std::errc() && end == text.data() + text.size() && value >= 1 && value <= 65536, "model",
            "got \"", text, "\" in \"", whole, "\", expected a whole number from 1 to 65536");
    return value;
}

inline void set_model_field(VitConfig& vit, std::string_view name, std::int64_t value,
                            std::string_view whole) {
    if (name == "width" || name == "dim")
        vit.width = value;
    else if (name == "depth")
        vit.depth = value;
    else if (name == "heads")
        vit.heads = value;
    else if (name == "hidden" || name == "mlp")
        vit.hidden = value;
    else if (name == "tokens" || name == "landmarks")
        vit.tokens = value;
    else if (name == "head_width")
        vit.head_width = value;
    else if (name == "patch")
        vit.patch = value;
    else if (name == "image")
        vit.image_size = value;
    else
        fail("model", "got \"", name, "\" in \"", whole,
             "\", expected width, depth, heads, hidden, landmarks, head_width, patch or image");
}

/// What `image=` says of a grid: it has the tokens of its images, unless other numbers of them are asked for.
inline void fit_grid(VitConfig& vit, bool tokens_given, std::string_view whole) {
    require(vit.image_size % vit.patch == 0, "model", "got images of side ", vit.image_size,
            " and patches of side ", vit.patch, " in \"", whole, "\", expected a multiple");
    const std::int64_t side = vit.image_size / vit.patch;
    if (!tokens_given)
        vit.tokens = side * side;
    require(vit.tokens >= side * side, "model", "got ", vit.tokens, " tokens in \"", whole,
            "\", expected at least the ", side * side, " patches of an image");
}

}  // namespace detail

/// Reads a model's name. Throws for names and sizes that are none.
inline ModelSpec parse_model(std::string_view text) {
    ModelSpec spec;
    std::string_view name = text.substr(0, text.find(':'));
    for (const std::string_view prefix : {"part_fvit_", "part-", "grid-", "fvit_"})
        if (name.starts_with(prefix)) {
            spec.landmarks = prefix.starts_with("part");
            name.remove_prefix(prefix.size());
            break;
        }
    if (name == "tiny")
        spec.vit = VitConfig::tiny();
    else if (name == "small")
        spec.vit = VitConfig::small();
    else if (name == "base")
        spec.vit = VitConfig::base8();
    else
        fail("model", "got \"", text,
             "\", expected tiny, small, base, grid-tiny, grid-small or grid-base, "
             "with sizes behind a colon (tiny:depth=8,width=256)");
    std::string_view rest = text.find(':') == std::string_view::npos ? "" : text.substr(text.find(':') + 1);
    bool image_given = false, tokens_given = false;
    while (!rest.empty()) {
        const std::string_view field = rest.substr(0, rest.find(','));
        rest.remove_prefix(std::min(rest.size(), field.size() + 1));
        const auto equals = field.find('=');
        require(equals != std::string_view::npos, "model", "got \"", field, "\" in \"", text,
                "\", expected name=number");
        const std::string_view what = field.substr(0, equals);
        detail::set_model_field(spec.vit, what, detail::model_size(field.substr(equals + 1), text), text);
        image_given |= what == "image";
        tokens_given |= what == "tokens" || what == "landmarks";
    }
    if (image_given && !spec.landmarks)
        detail::fit_grid(spec.vit, tokens_given, text);
    spec.vit.validate();
    return spec;
}

}  // namespace lafs::inline LAFS_ABI
