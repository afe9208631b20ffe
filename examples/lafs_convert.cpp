// Weights from PyTorch to safetensors and back; a list of what a file holds.
//
//   lafs_convert part_fvit.pth part_fvit.safetensors
//   lafs_convert --list part_fvit.pth
#include <CLI/CLI.hpp>
#include <lafs/faces/convert_weights.hpp>

#include "run_program.hpp"

namespace {

/// "key=value" texts as a map.
std::map<std::string, std::string> read_metadata(const std::vector<std::string>& texts) {
    std::map<std::string, std::string> metadata;
    for (const std::string& text : texts) {
        const auto equals = text.find('=');
        lafs::require(equals != std::string::npos && equals > 0, "options", "got --metadata ", text,
                      ", expected key=value");
        metadata[text.substr(0, equals)] = text.substr(equals + 1);
    }
    return metadata;
}

}  // namespace

int main(int argc, char** argv) {
    CLI::App app{
        "Converts weights between PyTorch checkpoints (.pth, .pt) and safetensors files, or lists them. The "
        "kind of IN is told by its content, that of OUT by its name. Models of this library are recognised "
        "and "
        "described in the metadata of safetensors files. Nothing of a checkpoint is executed."};
    app.option_defaults()->always_capture_default();
    std::filesystem::path in, out, list;
    std::vector<std::string> metadata;
    lafs::ConvertOptions options;
    auto* input = app.add_option("in", in, "File to read");
    auto* output = app.add_option("out", out, "File to write: .safetensors, .pth or .pt");
    auto* listing = app.add_option("--list", list, "Only print the tensors of FILE: name, type, shape");
    listing->type_name("FILE")->excludes(input)->excludes(output);
    app.add_option("--key", options.key,
                   "Take only this sub-dictionary, without its name (teacher, student)");
    app.add_option("--strip-prefix", options.strip,
                   "Take this prefix off the names (module.); may be repeated")
        ->allow_extra_args(false);
    app.add_option("--drop", options.drop, "Leave out tensors whose names begin so; may be repeated")
        ->allow_extra_args(false);
    app.add_flag("--half", options.half, "Write floats as float16");
    app.add_option("--heads", options.heads,
                   "Attention heads of the model, if they are not 64 wide; 0: they are")
        ->check(CLI::NonNegativeNumber);
    app.add_option(
           "--metadata", metadata,
           "key=value for the metadata, such as colour_order=BGR or \"normalisation=(x / 255 - 0.5) / 0.5\"; "
           "may be repeated")
        ->allow_extra_args(false);
    app.add_flag("--force", options.force, "Replace OUT if it is there");
    return run_program(app, argc, argv, [&] {
        if (listing->count() > 0) {
            std::fputs(lafs::list_weights(lafs::open_weights(list)).c_str(), stdout);
            return 0;
        }
        lafs::require(!in.empty() && !out.empty(), "options", "got ", in.empty() ? "no file" : "one file",
                      ", expected IN and OUT, or --list FILE; see --help");
        options.metadata = read_metadata(metadata);
        std::fprintf(stderr, "%s\n",
                     lafs::valid_utf8(lafs::convert_weights(in, out, options).text()).c_str());
        return 0;
    });
}
