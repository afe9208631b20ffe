// Weights from one kind of file into another: PyTorch checkpoints and safetensors files, both ways.
//
// Tensors keep their names unless a part is chosen or prefixes are taken off. A model of this library that is
// recognised by its shapes is described in the metadata of safetensors files.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <lafs/faces/model_inference.hpp>
#include <lafs/io/output_files.hpp>
#include <lafs/io/pytorch_writer.hpp>
#include <lafs/io/safetensors.hpp>
#include <lafs/io/weights_file.hpp>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace lafs::inline LAFS_ABI {

/// What is taken of a file and what is said of it.
struct ConvertOptions {
    std::string key;                              ///< only this sub-dictionary, without its name; empty: all
    std::vector<std::string> strip;               ///< prefixes that are taken off the names
    std::vector<std::string> drop;                ///< tensors whose names then begin so are left out
    bool half = false;                            ///< floats as float16
    std::int64_t heads = 0;                       ///< heads of the model; 0: heads of 64
    std::map<std::string, std::string> metadata;  ///< further metadata, which wins
    bool force = false;                           ///< replace a file that is there
};

/// What was done.
struct Conversion {
    std::string out;
    std::size_t tensors = 0;
    std::string model;                 ///< text of the recognised model; empty: none
    std::vector<std::string> skipped;  ///< what the file held beside tensors
    std::vector<std::string> notes;

    /// A few lines without a final line break.
    std::string text() const {
        std::string result = out + ": " + std::to_string(tensors) + " tensors" +
                             (model.empty() ? "" : " of the model ") + model;
        if (!skipped.empty())
            result += "\n  not carried over: " + short_list(skipped);
        for (const std::string& note : notes)
            result += "\n  note: " + note;
        return result;
    }
};

namespace detail {

/// "(1,197,64)", without blanks: for programs.
inline std::string compact_shape(const std::vector<std::int64_t>& shape) {
    std::string text = shape_text(shape);
    std::erase(text, ' ');
    return text;
}

/// A name on one line: control characters and backslashes as \xNN.
inline std::string printable(const std::string& name) {
    std::string text;
    for (const char letter : name) {
        const auto code = static_cast<unsigned char>(letter);
        char digits[8];
        std::snprintf(digits, sizeof digits, "\\x%02x", static_cast<unsigned>(code));
        text += code < 0x20 || code == 0x7F || letter == '\\' ? std::string(digits) : std::string(1, letter);
    }
    return text;
}

/// Where the tensors of a file go: new name -> name in the file.
using ConvertNames = std::map<std::string, std::string>;

/// Takes a part off each name. Throws when no name has it.
template <class Change>
ConvertNames changed_names(const ConvertNames& names, const std::string& file, const std::string& what,
                           const Change& change) {
    ConvertNames result;
    bool found = false;
    for (const auto& [name, in_file] : names) {
        std::string renamed = name;
        const bool keep = change(renamed, found);
        if (!keep)
            continue;
        require(!renamed.empty(), "convert", file, ": nothing is left of the name \"", in_file, "\" without ",
                what);
        const auto [at, added] = result.emplace(std::move(renamed), in_file);
        require(added, "convert", file, ": \"", at->second, "\" and \"", in_file, "\" would both be \"",
                at->first, "\"");
    }
    require(found, "convert", file, " has no tensor whose name begins with ", what);
    return result;
}

inline ConvertNames names_to_convert(const WeightsFile& file, const ConvertOptions& options) {
    const std::string path = file.path().string();
    ConvertNames names;
    for (const std::string& name : file.names())
        names.emplace(name, name);
    const auto without = [](const std::string& prefix) {
        return [&prefix](std::string& name, bool& found) {
            const bool has = name.starts_with(prefix);
            found |= has;
            name.erase(0, has ? prefix.size() : 0);
            return true;
        };
    };
    if (!options.key.empty()) {
        const std::string prefix = options.key + ".";
        names = changed_names(names, path, "\"" + prefix + "\"", [&](std::string& name, bool& found) {
            const bool inside = name.starts_with(prefix);
            found |= inside;
            name.erase(0, inside ? prefix.size() : 0);
            return inside;
        });
    }
    for (const std::string& prefix : options.strip)
        names = changed_names(names, path, "\"" + prefix + "\"", without(prefix));
    for (const std::string& prefix : options.drop)
        names = changed_names(names, path, "\"" + prefix + "\"", [&](std::string& name, bool& found) {
            const bool dropped = name.starts_with(prefix);
            found |= dropped;
            return !dropped;
        });
    return names;
}

/// Looks for a model among the tensors that are converted and adds what it finds to the metadata.
inline void describe_model(const WeightsFile& file, const ConvertNames& names, const ConvertOptions& options,
                           std::map<std::string, std::string>& metadata, Conversion& result) {
    std::vector<std::string> new_names;
    for (const auto& [name, in_file] : names)
        new_names.push_back(name);
    try {
        WeightsNames model = find_weights(new_names, file.path().string());
        for (auto& [name, in_file] : model.in_file)
            in_file = names.at(in_file);
        const ModelSpec spec = model_of(file, model, options.heads);
        for (const auto& [key, value] : model_metadata(spec))
            metadata[key] = value;
        result.model = model_text(spec);
        if (spec.is_transformer() && !spec.landmarks)
            result.notes.push_back("no landmark CNN is among the tensors: described as a plain fViT");
    } catch (const Error& error) {
        require(options.heads == 0, "convert", "--heads is for models of this library only: ", error.what());
        result.notes.push_back(std::string("no model of this library: ") + error.what());
    }
}

/// float16 elements of a tensor of floats. Throws when one does not fit.
inline std::vector<std::byte> half_elements(const WeightsFile& file, const std::string& name) {
    const std::vector<double> values = file.read<double>(name);
    std::vector<std::byte> bytes(values.size() * sizeof(half));
    for (std::size_t i = 0; i < values.size(); ++i) {
        const half value(static_cast<float>(values[i]));
        require(std::isfinite(static_cast<float>(value)) || !std::isfinite(values[i]), "convert",
                file.path().string(), ": \"", name, "\" holds ", values[i],
                ", which does not fit in float16: convert without --half");
        std::memcpy(bytes.data() + i * sizeof(half), &value, sizeof(half));
    }
    return bytes;
}

/// Reads the tensors into a writer, a SafetensorsWriter or a PyTorchWriter, and saves it.
template <class Writer>
void write_tensors(Writer& writer, const WeightsFile& file, const ConvertNames& names, bool as_half,
                   const std::filesystem::path& out) {
    // Views may share their elements; written out, a small file must not become a huge one.
    const std::uint64_t most = 64'000'000 + 8 * std::filesystem::file_size(file.path());
    std::uint64_t total = 0;
    for (const auto& [name, in_file] : names) {
        total += std::min(file.info(in_file).bytes(), most + 1);
        require(total <= most, "convert", file.path().string(), ": the tensors have more than ", most,
                " bytes when each has its own, far more than the file");
    }
    std::vector<std::vector<std::byte>> kept;
    for (const auto& [name, in_file] : names) {
        const WeightsInfo info = file.info(in_file);
        const bool to_half = as_half && is_floating(info.dtype);
        kept.push_back(to_half ? half_elements(file, in_file) : file.read_bytes(in_file));
        writer.add_bytes(name, to_half ? DType::float16 : info.dtype, info.shape, kept.back());
    }
    writer.save(out);
}

/// True for safetensors, false for PyTorch, by the name of a file that will be written.
inline bool writes_safetensors(const std::filesystem::path& out) {
    const std::string extension = out.extension().string();
    require(extension == ".safetensors" || extension == ".pth" || extension == ".pt", "convert",
            "got the output ", out.string(), ", expected a name that ends in .safetensors, .pth or .pt");
    return extension == ".safetensors";
}

}  // namespace detail

/// One tensor a line: name, type and shape, separated by tabs, such as "cls_token\tfloat32\t(1,1,768)".
/// Control characters in names are shown as \xNN.
inline std::string list_weights(const WeightsFile& file) {
    std::string text;
    for (const std::string& tensor : file.names()) {
        const WeightsInfo info = file.info(tensor);
        text += detail::printable(tensor) + '\t' + name(info.dtype) + '\t' +
                detail::compact_shape(info.shape) + '\n';
    }
    return text;
}

/// Converts a file of weights into `out`, whose name says its kind. Throws, before anything is written, for
/// files that are not understood, names that become one, an output that is there (but with `force`), and one that
/// is the input.
inline Conversion convert_weights(const std::filesystem::path& in, const std::filesystem::path& out,
                                  const ConvertOptions& options = {}) {
    const bool safetensors = detail::writes_safetensors(out);
    require(safetensors || options.metadata.empty(), "convert",
            "a PyTorch file has no place for metadata: write .safetensors");
    check_output(out, options.force ? Overwrite::allow : Overwrite::refuse);
    check_distinct(std::vector<NamedPath>{{"OUT", out}}, std::vector<NamedPath>{{"IN", in}});
    const WeightsFile file = open_weights(in);
    const detail::ConvertNames names = detail::names_to_convert(file, options);
    require(!names.empty(), "convert", in.string(), " holds no tensors to convert");
    Conversion result;
    result.out = out.string();
    result.tensors = names.size();
    result.skipped = file.skipped();
    std::map<std::string, std::string> metadata = file.metadata();
    detail::describe_model(file, names, options, metadata, result);
    for (const auto& [key, value] : options.metadata)
        metadata[key] = value;
    const PixelFormat pixels = parse_pixels(metadata, "the metadata");
    if (safetensors) {
        SafetensorsWriter writer;
        for (const auto& [key, value] : metadata)
            writer.metadata(key, value);
        detail::write_tensors(writer, file, names, options.half, out);
        return result;
    }
    if (!file.metadata().empty())
        result.notes.push_back("a PyTorch file has no metadata: left out " +
                               short_list(file.metadata(), [](const auto& entry) { return entry.first; }));
    if (!is_usual(pixels))
        result.notes.push_back("the model takes " + colour_order_text(pixels) + ", " +
                               normalisation_text(pixels) + ": a PyTorch file cannot say so");
    PyTorchWriter writer;
    detail::write_tensors(writer, file, names, options.half, out);
    return result;
}

}  // namespace lafs::inline LAFS_ABI
