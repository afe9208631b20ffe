// The text that names a model on the command line and in weights files.
//
//   tiny | small | base                     Part fViT: patches around learnt landmarks
//   grid-tiny | grid-small | grid-base      plain fViT: the 14 x 14 grid of patches
//   tiny:depth=8,width=256,heads=4,hidden=512,landmarks=196    other sizes; also head_width=64, patch=8
//   tiny:image=224                          images of 224 x 224 pixels; a grid has the tokens that they need
//   iresnet18 | 34 | 50 | 100 | 200, mobilefacenet | mobilefacenet_large     see faces/convolutional_spec.hpp
#pragma once

#include <cstdint>
#include <lafs/data/image_ops.hpp>
#include <lafs/faces/convolutional_spec.hpp>
#include <lafs/models/vit.hpp>
#include <string>
#include <string_view>

namespace lafs::inline LAFS_ABI {

/// What kind of network a model is.
enum class Network { transformer, iresnet, mobilefacenet };

/// Which of the models, its sizes, and the pixels it was trained on.
struct ModelSpec {
    bool landmarks = true;  ///< of a transformer: Part fViT; else plain fViT
    VitConfig vit;
    PixelFormat pixels = {};
    Network network = Network::transformer;  ///< which of the configurations counts
    IResNetConfig iresnet = {};
    MobileFaceNetConfig mobilefacenet = {};

    bool is_transformer() const { return network == Network::transformer; }
    /// Values of an embedding.
    std::int64_t width() const {
        return network == Network::iresnet         ? iresnet.features
               : network == Network::mobilefacenet ? mobilefacenet.features
                                                   : vit.width;
    }
    /// Side of the images in pixels.
    std::int64_t image_size() const {
        return network == Network::iresnet         ? iresnet.image_size
               : network == Network::mobilefacenet ? mobilefacenet.image_size
                                                   : vit.image_size;
    }
};

/// The text that `parse_model` reads back to the same architecture.
inline std::string model_text(const ModelSpec& spec) {
    if (spec.network == Network::iresnet)
        return model_text(spec.iresnet);
    if (spec.network == Network::mobilefacenet)
        return model_text(spec.mobilefacenet);
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

inline ModelSpec parse_transformer(std::string_view text) {
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
             "with sizes behind a colon (tiny:depth=8,width=256); iresnet18, iresnet34, iresnet50, "
             "iresnet100, iresnet200, mobilefacenet or mobilefacenet_large");
    bool image_given = false, tokens_given = false;
    each_model_field(text, [&](std::string_view field, std::string_view value) {
        set_model_field(spec.vit, field, model_size(value, text), text);
        image_given |= field == "image";
        tokens_given |= field == "tokens" || field == "landmarks";
    });
    if (image_given && !spec.landmarks)
        fit_grid(spec.vit, tokens_given, text);
    spec.vit.validate();
    return spec;
}

}  // namespace detail

/// Reads a model's name. Throws for names and sizes that are none.
inline ModelSpec parse_model(std::string_view text) {
    ModelSpec spec;
    if (parse_iresnet(text, spec.iresnet))
        spec.network = Network::iresnet;
    else if (parse_mobilefacenet(text, spec.mobilefacenet))
        spec.network = Network::mobilefacenet;
    else
        return detail::parse_transformer(text);
    spec.landmarks = false;
    return spec;
}

}  // namespace lafs::inline LAFS_ABI
