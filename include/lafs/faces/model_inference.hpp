// The architecture of a face model, read from the names and shapes of its weights.
//
// Published checkpoints say nothing about themselves; the shapes of their tensors do, but for the number of
// heads: heads are 64 wide there. Files with metadata of this library state it.
#pragma once

#include <cmath>
#include <lafs/faces/convolutional_inference.hpp>
#include <lafs/faces/pixel_text.hpp>
#include <map>
#include <string>

namespace lafs::inline LAFS_ABI {

namespace detail {

inline std::string block_name(std::int64_t block, const char* part) {
    return "transformer.layers." + std::to_string(block) + "." + part;
}

inline std::int64_t patch_side(const ModelShapes& shapes, std::int64_t values) {
    const auto side = static_cast<std::int64_t>(std::lround(std::sqrt(static_cast<double>(values) / 3)));
    require(side > 0 && 3 * side * side == values, "load_weights", shapes.path(),
            " holds no face model: patch_to_embedding.weight takes ", values,
            " values, expected 3 p p: patches of p x p pixels of three colours (192 for 8 x 8)");
    return side;
}

/// Heads from the width of all of them together: `heads`, or heads of 64.
inline void set_heads(const ModelShapes& shapes, VitConfig& vit, std::int64_t inner, std::int64_t heads) {
    if (heads == 0)
        require(inner % vit.head_width == 0, "load_weights", shapes.path(), ": the heads are ", inner,
                " wide together, which is no multiple of ", vit.head_width,
                ": say how many there are (lafs_convert --heads)");
    else
        require(heads > 0 && inner % heads == 0, "load_weights", shapes.path(), ": got ", heads,
                " heads, expected a divisor of their width together, ", inner);
    vit.heads = heads == 0 ? inner / vit.head_width : heads;
    vit.head_width = inner / vit.heads;
}

inline double weight_values(const VitConfig& vit) {
    const auto number = [](std::int64_t value) { return static_cast<double>(value); };
    const double width = number(vit.width), inner = number(vit.heads) * number(vit.head_width);
    return width * (number(vit.depth) * (4 * inner + 2 * number(vit.hidden)) + number(vit.tokens));
}

}  // namespace detail

/// The model whose weights a file holds under some names, by their shapes: width, depth, heads (`heads`; 0:
/// heads of 64), hidden width, tokens, patch, side of a grid's images, and whether it has a landmark CNN; or the blocks,
/// widths and side of the images of an IResNet or MobileFaceNet. Throws, saying why, when they are none of these.
inline ModelSpec infer_model(const WeightsFile& file, const WeightsNames& names, std::int64_t heads = 0) {
    const detail::ModelShapes shapes(file, names);
    if (const auto convolutional = detail::infer_convolutional(shapes))
        return *convolutional;
    const std::string qkv = detail::block_name(0, "0.fn.fn.to_qkv.weight");
    const std::string net = detail::block_name(0, "1.fn.fn.net.0.weight");
    shapes.need({"pos_embedding", "cls_token", "patch_to_embedding.weight", qkv, net});

    ModelSpec spec;
    VitConfig& vit = spec.vit;
    const auto embedding = shapes.shape("patch_to_embedding.weight", 2);  // (width, patch * patch * 3)
    vit.width = embedding[0];
    vit.patch = detail::patch_side(shapes, embedding[1]);
    vit.tokens = shapes.shape("pos_embedding", 3)[1] - 1;
    require(vit.tokens > 0, "load_weights", shapes.path(),
            ": pos_embedding has one position, expected one for the class token and more for patches");
    vit.hidden = shapes.shape(net, 2)[0];
    vit.depth = 1;
    while (shapes.contains(detail::block_name(vit.depth, "0.fn.fn.to_qkv.weight")))
        ++vit.depth;
    detail::set_heads(shapes, vit,
                      shapes.divide(qkv, shapes.shape(qkv, 2)[0], 3, "rows (queries, keys, values)"), heads);
    shapes.check_holds(detail::weight_values(vit), "width ", vit.width, ", depth ", vit.depth, ", hidden ",
                       vit.hidden, ", tokens ", vit.tokens);

    spec.landmarks = shapes.contains("output_layer.1.weight") || shapes.contains("stn.features.0.0.weight");
    if (spec.landmarks) {
        shapes.need({"output_layer.1.weight"});
        const std::int64_t points = shapes.divide(
            "output_layer.1.weight", shapes.shape("output_layer.1.weight", 2)[0], 2, "rows (x, y)");
        require(points == vit.tokens, "load_weights", shapes.path(), ": the landmark CNN finds ", points,
                " points, the transformer has ", vit.tokens, " positions, expected as many");
    }
    // Positions of a grid tell the size of its images; landmarks can be found in any.
    const auto side = std::llround(std::sqrt(static_cast<double>(vit.tokens)));
    if (!spec.landmarks && side * side == vit.tokens)
        vit.image_size = side * vit.patch;
    vit.validate();
    return spec;
}

/// The model of a file: what its shapes and, in files of this library, its metadata say. `heads` states the
/// number of heads against both; 0: it does not. Throws when the two differ, and as infer_model does.
inline ModelSpec model_of(const WeightsFile& file, const WeightsNames& names, std::int64_t heads = 0) {
    const auto& metadata = file.metadata();
    const std::string path = file.path().string();
    const auto check_heads = [&](const ModelSpec& spec) {
        require(heads == 0 || spec.is_transformer(), "load_weights", path, ": got ", heads,
                " heads, but its model, ", model_text(spec), ", has none");
    };
    const auto format = metadata.find("format"), text = metadata.find("model");
    const bool stated =
        format != metadata.end() && format->second.starts_with("lafs") && text != metadata.end();
    if (!stated) {
        ModelSpec spec = infer_model(file, names, heads);
        check_heads(spec);
        spec.pixels = parse_pixels(metadata, path);
        return spec;
    }
    ModelSpec spec = parse_model(text->second);
    ModelSpec found = infer_model(file, names, heads > 0 ? heads : 1);
    check_heads(found);
    found.vit.image_size = spec.vit.image_size;
    VitConfig& split = found.vit;  // one head of their whole width, unless the heads are given
    if (heads > 0) {
        spec.vit.heads = split.heads;
        spec.vit.head_width = split.head_width;
    } else if (spec.vit.heads * spec.vit.head_width == split.head_width) {
        split.heads = spec.vit.heads;
        split.head_width = spec.vit.head_width;
    }
    require(model_text(spec) == model_text(found), "load_weights", path, " says that it holds ",
            model_text(spec), ", but its tensors are those of ", model_text(found));
    found.pixels = parse_pixels(metadata, path);
    return found;
}

/// Texts for the metadata of a weights file of this model.
inline std::map<std::string, std::string> model_metadata(const ModelSpec& spec) {
    return {{"format", "lafs weights 1"},
            {"architecture", spec.network == Network::iresnet         ? "iresnet"
                             : spec.network == Network::mobilefacenet ? "mobilefacenet"
                             : spec.landmarks                         ? "part_fvit"
                                                                      : "fvit"},
            {"model", model_text(spec)},
            {"colour_order", colour_order_text(spec.pixels)},
            {"normalisation", normalisation_text(spec.pixels)}};
}

}  // namespace lafs::inline LAFS_ABI
