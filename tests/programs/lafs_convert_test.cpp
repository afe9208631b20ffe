// lafs_convert as a user runs it: both ways, lists, and everything it refuses.
#include <lafs/faces/face_model.hpp>
#include <lafs/io/pytorch_writer.hpp>

#include "catch.hpp"
#include "run_program.hpp"
#include "shared_data.hpp"

namespace {

namespace fs = std::filesystem;
using lafs::DType;
using lafs_test::Arguments, lafs_test::check_contains, lafs_test::failure, lafs_test::read_text,
    lafs_test::run_program, lafs_test::TemporaryFolder, lafs_test::write_text;

/// Runs the program to success; returns what it says on standard error.
std::string convert(const Arguments& arguments) {
    const auto result = run_program("lafs_convert", arguments);
    INFO(result.errors);
    CHECK(result.exit_code == 0);
    CHECK(result.output.empty());
    return result.errors;
}

const std::vector<float> values = {1.0f, -0.5f, 65504.0f};
const std::vector<std::int64_t> count = {-7};

/// teacher.module.a (3), teacher.module.n () int64, student.a (3), in either kind of file.
template <class Writer>
void write_two_parts(const fs::path& path) {
    Writer writer;
    writer.add_bytes("teacher.module.a", DType::float32, {3}, std::as_bytes(std::span(values)));
    writer.add_bytes("teacher.module.n", DType::int64, {}, std::as_bytes(std::span(count)));
    writer.add_bytes("student.a", DType::float32, {1, 3}, std::as_bytes(std::span(values)));
    writer.save(path);
}

void check_two_parts(const fs::path& path) {
    const auto file = lafs::open_weights(path);
    CHECK(file.names() == std::vector<std::string>{"student.a", "teacher.module.a", "teacher.module.n"});
    CHECK(file.read<float>("teacher.module.a") == values);
    CHECK(file.read<float>("student.a") == values);
    CHECK(file.info("student.a").shape == std::vector<std::int64_t>{1, 3});
    CHECK(file.info("teacher.module.n").dtype == DType::int64);
    CHECK(file.read<std::int64_t>("teacher.module.n") == count);
}

}  // namespace

TEST_CASE("weights are converted both ways", "[programs]") {
    const TemporaryFolder folder;
    write_two_parts<lafs::PyTorchWriter>(folder / "in.pth");
    const std::string said = convert({folder / "in.pth", folder / "a.safetensors"});
    check_contains(said, "a.safetensors: 3 tensors\n  note: no model of this library: ");
    check_two_parts(folder / "a.safetensors");
    CHECK(lafs::open_weights(folder / "a.safetensors").metadata().empty());
    convert({folder / "a.safetensors", folder / "b.pt"});
    check_two_parts(folder / "b.pt");
    CHECK(read_text(folder / "b.pt") == read_text(folder / "in.pth"));
    convert({folder / "b.pt", folder / "c.safetensors"});
    CHECK(read_text(folder / "c.safetensors") == read_text(folder / "a.safetensors"));
}

TEST_CASE("a part, other names, other elements and metadata", "[programs]") {
    const TemporaryFolder folder;
    write_two_parts<lafs::SafetensorsWriter>(folder / "in");
    convert({folder / "in", folder / "a.safetensors", "--key", "teacher", "--strip-prefix", "module.",
             "--half", "--metadata", "colour_order=BGR", "--metadata", "note=a=b"});
    const auto half = lafs::open_weights(folder / "a.safetensors");
    CHECK(half.names() == std::vector<std::string>{"a", "n"});
    CHECK(half.info("a").dtype == DType::float16);
    CHECK(half.read<float>("a") == values);
    CHECK(half.read<std::int64_t>("n") == count);
    CHECK(half.metadata() == std::map<std::string, std::string>{{"colour_order", "BGR"}, {"note", "a=b"}});
    convert({folder / "in", folder / "b.safetensors", "--drop", "teacher.module.n", "--drop", "student."});
    CHECK(lafs::open_weights(folder / "b.safetensors").names() ==
          std::vector<std::string>{"teacher.module.a"});
    check_contains(convert({folder / "a.safetensors", folder / "c.pth"}),
                   "a PyTorch file has no metadata: left out "
                   "colour_order, note");
}

TEST_CASE("a list is one tensor a line and nothing else", "[programs]") {
    const TemporaryFolder folder;
    write_two_parts<lafs::PyTorchWriter>(folder / "in.safetensors");
    const auto result = run_program("lafs_convert", {"--list", folder / "in.safetensors"});
    CHECK(result.exit_code == 0);
    CHECK(result.errors.empty());
    CHECK(result.output ==
          "student.a\tfloat32\t(1,3)\nteacher.module.a\tfloat32\t(3)\nteacher.module.n\tint64\t()\n");
    lafs::SafetensorsWriter writer;
    writer.add("a\tb\n", {0, 2}, std::vector<double>{});
    writer.save(folder / "odd");
    CHECK(run_program("lafs_convert", {"--list", folder / "odd"}).output == "a\\x09b\\x0a\tfloat64\t(0,2)\n");
}

TEST_CASE("a model of this library is recognised and described", "[programs]") {
    const TemporaryFolder folder;
    lafs::FaceModel<float> model(lafs::parse_model("grid-tiny:depth=1,width=16,heads=1,hidden=16"));
    lafs::SafetensorsWriter writer;
    lafs::add_weights(writer, model, "module.encoder.");
    writer.save(folder / "plain");
    const std::string said = convert({folder / "plain", folder / "a.safetensors"});
    check_contains(said, "of the model grid-base:width=16,depth=1,heads=1,hidden=16,tokens=196");
    check_contains(said, "described as a plain fViT");
    const auto metadata = lafs::open_weights(folder / "a.safetensors").metadata();
    CHECK(metadata.at("architecture") == "fvit");
    CHECK(metadata.at("model") == "grid-base:width=16,depth=1,heads=1,hidden=16,tokens=196");
    CHECK(metadata.at("colour_order") == "RGB");
    CHECK(metadata.at("normalisation") == "(x / 255 - 0.5) / 0.5");
    convert({folder / "plain", folder / "b.safetensors", "--heads", "4"});
    CHECK(lafs::load_face_model(folder / "b.safetensors").spec().vit.heads == 4);
    const std::string before = read_text(folder / "b.safetensors");
    check_contains(
        failure("lafs_convert", {folder / "b.safetensors", folder / "b.safetensors", "--half", "--force"}),
        "OUT would overwrite");
    CHECK(read_text(folder / "b.safetensors") == before);
    check_contains(failure("lafs_convert", {folder / "plain", folder / "c.safetensors", "--heads", "5"}),
                   "got 5 heads, expected a divisor of their width together, 64");
    CHECK(!fs::exists(folder / "c.safetensors"));
}

TEST_CASE("nothing is overwritten, and bad input is explained", "[programs]") {
    const TemporaryFolder folder;
    write_two_parts<lafs::PyTorchWriter>(folder / "in.pth");
    write_text(folder / "old.safetensors", "old");
    const auto refusal = [&](const Arguments& more) {
        Arguments arguments = {folder / "in.pth", folder / "new.safetensors"};
        arguments.insert(arguments.end(), more.begin(), more.end());
        return failure("lafs_convert", arguments);
    };
    check_contains(failure("lafs_convert", {folder / "in.pth", folder / "old.safetensors"}),
                   "old.safetensors\" exists already; --force overwrites it");
    CHECK(read_text(folder / "old.safetensors") == "old");
    check_contains(failure("lafs_convert", {folder / "in.pth", folder / "absent" / "x.pth"}),
                   "x.pth\" does not exist");
    check_contains(failure("lafs_convert", {folder / "in.pth", folder / "x.bin"}),
                   "ends in .safetensors, .pth or .pt");
    check_contains(failure("lafs_convert", {folder / "in.pth", folder / "y.pth", "--metadata", "a=b"}),
                   "no place for metadata");
    check_contains(failure("lafs_convert", {folder / "old.safetensors", folder / "y.pth"}),
                   "begins with 6f 6c 64");
    check_contains(failure("lafs_convert", {folder / "none.pth", folder / "y.pth"}), "none.pth");
    check_contains(failure("lafs_convert", {folder / "in.pth"}), "expected IN and OUT, or --list FILE");
    check_contains(failure("lafs_convert", {}), "got no file");
    check_contains(failure("lafs_convert", {"--list", folder / "old.safetensors"}), "old.safetensors");
    check_contains(refusal({"--key", "pupil"}), "has no tensor whose name begins with \"pupil.\"");
    check_contains(refusal({"--strip-prefix", "modul."}), "has no tensor whose name begins with \"modul.\"");
    check_contains(refusal({"--strip-prefix", "teacher.module.", "--strip-prefix", "student."}),
                   "\"teacher.module.a\" and \"student.a\" would both be \"a\"");
    check_contains(refusal({"--strip-prefix", "student.a"}), "nothing is left of the name \"student.a\"");
    check_contains(refusal({"--drop", "student.", "--drop", "teacher."}), "no tensors to convert");
    check_contains(refusal({"--heads", "3"}), "--heads is for models of this library only");
    check_contains(refusal({"--metadata", "colour_order=blue"}),
                   "got colour order \"blue\", expected RGB or BGR");
    check_contains(refusal({"--metadata", "colour_order"}), "expected key=value");
    const std::vector<float> large = {65520.0f};
    lafs::PyTorchWriter writer;
    writer.add_bytes("b", DType::float32, {1}, std::as_bytes(std::span(large)));
    writer.save(folder / "large.pth");
    check_contains(failure("lafs_convert", {folder / "large.pth", folder / "y.pth", "--half"}),
                   "\"b\" holds 65520, which does not fit in float16");
    const std::string truncated = read_text(folder / "in.pth");
    write_text(folder / "cut.pth", truncated.substr(0, truncated.size() / 2));
    check_contains(failure("lafs_convert", {folder / "cut.pth", folder / "y.pth"}), "cut.pth");
    // Exactly the files that were there before, nothing half-written.
    CHECK(lafs_test::count_entries(folder.path()) == 4);
    CHECK(run_program("lafs_convert", {folder / "in.pth", "--list", folder / "in.pth"}).exit_code != 0);
    check_contains(run_program("lafs_convert", {"--help"}).output, "--strip-prefix");
}

TEST_CASE("a full disk leaves the output as it was", "[programs]") {
    const TemporaryFolder folder;
    write_two_parts<lafs::PyTorchWriter>(folder / "in.pth");
    write_text(folder / "out.pth", "old");
    check_contains(failure("lafs_convert", {folder / "in.pth", folder / "out.pth", "--force"}, 100),
                   "File too large");
    CHECK(read_text(folder / "out.pth") == "old");
}

TEST_CASE("published checkpoints are converted whole", "[programs]") {
    const auto root = lafs_test::shared("reference");
    if (!root)
        return;
    const TemporaryFolder folder;
    const std::pair<std::string, std::string> cases[] = {{"11_lafs_checkpoint", "fvit"},
                                                         {"12_part_fvit", "part_fvit"}};
    for (const auto& [name, architecture] : cases) {
        const fs::path out = folder / (name + ".safetensors");
        convert({*root / (name + ".pth"), out});
        const auto file = lafs::SafetensorsFile::open(out);
        CHECK(file.metadata("architecture") == architecture);
        CHECK(file.names() == lafs::open_weights(*root / (name + ".pth")).names());
        const auto expected = lafs::SafetensorsFile::open(*root / (name + "_expected.safetensors"));
        for (const std::string& tensor : expected.names()) {
            INFO(tensor);
            CHECK(file.info(tensor).dtype == expected.info(tensor).dtype);
            CHECK(file.info(tensor).shape == expected.info(tensor).shape);
            if (lafs::is_floating(file.info(tensor).dtype))
                CHECK(file.read<float>(tensor) == expected.read<float>(tensor));
        }
    }
}

TEST_CASE("checkpoints that cannot be read say what to do", "[programs]") {
    const auto root = lafs_test::shared("data/checkpoints");
    if (!root)
        return;
    const TemporaryFolder folder;
    const fs::path out = folder / "x.safetensors";
    check_contains(failure("lafs_convert", {*root / "whole_pickled_model.pt", out}), "model.state_dict()");
    check_contains(failure("lafs_convert", {*root / "legacy_not_zip.pt", out}), "torch.save(torch.load(");
    check_contains(failure("lafs_convert", {"--list", *root / "legacy_not_zip.pt"}), "PyTorch before 1.6");
    check_contains(convert({*root / "vit_small.pth", out}), "45 tensors\n  note: no model of this library");
    CHECK(lafs::open_weights(out).names().size() == 45);
}
