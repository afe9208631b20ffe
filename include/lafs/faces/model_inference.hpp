// The architecture of a face transformer, read from the names and shapes of its weights.
//
// Published checkpoints say nothing about themselves; the shapes of their tensors do, but for the number of
// heads: heads are 64 wide there. Files with metadata of this library state it.
#pragma once

#include <cmath>
#include <lafs/faces/model_spec.hpp>
#include <lafs/faces/pixel_text.hpp>
#include <lafs/io/weights.hpp>
#include <string>
#include <vector>

namespace lafs::inline LAFS_ABI {

namespace detail {

/// The tensors of one file that are looked at, by the model's names.
class ModelShapes {
public:
    ModelShapes(const WeightsFile& file, const WeightsNames& names) : file_(file), names_(names) {}

    std::string path() const { return file_.path().string(); }
    bool contains(const std::string& name) const { return names_.in_file.contains(name); }

    /// Throws unless all are there.
    void need(const std::vector<std::string>& wanted) const {
        std::vector<std::string> absent, present;
        bool landmarks = false;
        for (const std::string& name : wanted)
            if (!contains(name))
                absent.push_back(name);
        for (const auto& [name, in_file] : names_.in_file) {
            present.push_back(name);
            landmarks |= is_landmark_name(name);
        }
        require(absent.empty(), "load_weights", path(), names_.part.empty() ? "" : " (" + names_.part + ")",
                " holds ", landmarks && absent == wanted ? "a landmark CNN alone, " : "",
                "no fViT or Part fViT transformer: it lacks ", short_list(absent), "; it has ",
                present.empty() ? "no tensors" : short_list(present));
    }

    /// The shape of a tensor of `rank` axes.
    std::vector<std::int64_t> shape(const std::string& name, std::size_t rank) const {
        const WeightsInfo info = file_.info(names_.in_file.at(name));
        require(info.shape.size() == rank && info.bytes() > 0, "load_weights", path(), ": ", name,
                " has shape ", shape_text(info.shape), ", expected ", rank, " axes, none empty");
        return info.shape;
    }

    /// Throws unless `value` is a positive multiple of `unit`; returns the quotient.
    std::int64_t divide(const std::string& name, std::int64_t value, std::int64_t unit,
                        const char* what) const {
        require(value > 0 && value % unit == 0, "load_weights", path(), ": ", name, " has ", value, ' ', what,
                ", expected a multiple of ", unit);
        return value / unit;
    }

private:
    const WeightsFile& file_;
    const WeightsNames& names_;
};

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

/// A small file must not ask for a large model, by blocks that are there in name only or views that repeat.
inline void check_file_holds(const ModelShapes& shapes, const VitConfig& vit, std::uint64_t file_bytes) {
    const auto number = [](std::int64_t value) { return static_cast<double>(value); };
    const double width = number(vit.width), inner = number(vit.heads) * number(vit.head_width);
    const double values =
        width * (number(vit.depth) * (4 * inner + 2 * number(vit.hidden)) + number(vit.tokens));
    require(values <= static_cast<double>(file_bytes), "load_weights", shapes.path(), " of ", file_bytes,
            " bytes cannot hold the ", values, " weights of the model that its shapes describe: width ",
            vit.width, ", depth ", vit.depth, ", hidden ", vit.hidden, ", tokens ", vit.tokens);
}

}  // namespace detail

/// The model whose weights a file holds under some names, by their shapes: width, depth, heads (`heads`; 0:
/// heads of 64), hidden width, tokens, patch, side of a grid's images, and whether it has a landmark CNN. Throws, saying why, when
/// they are no fViT or Part fViT.
inline ModelSpec infer_model(const WeightsFile& file, const WeightsNames& names, std::int64_t heads = 0) {
    const detail::ModelShapes shapes(file, names);
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
    detail::check_file_holds(shapes, vit, std::filesystem::file_size(file.path()));

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
    const auto format = metadata.find("format"), text = metadata.find("model");
    const bool stated =
        format != metadata.end() && format->second.starts_with("lafs") && text != metadata.end();
    if (!stated) {
        ModelSpec spec = infer_model(file, names, heads);
        spec.pixels = parse_pixels(metadata, path);
        return spec;
    }
    ModelSpec spec = parse_model(text->second);
    ModelSpec found = infer_model(file, names, heads > 0 ? heads : 1);
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
            {"architecture", spec.landmarks ? "part_fvit" : "fvit"},
            {"model", model_text(spec)},
            {"colour_order", colour_order_text(spec.pixels)},
            {"normalisation", normalisation_text(spec.pixels)}};
}

}  // namespace lafs::inline LAFS_ABI
