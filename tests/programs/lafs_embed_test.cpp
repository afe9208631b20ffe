// lafs_embed: rows, their order, what stands beside them, and damaged images.
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <lafs/data/source.hpp>
#include <lafs/data/source_pairs.hpp>
#include <lafs/io/safetensors.hpp>

#include "catch.hpp"
#include "run_program.hpp"
#include "shared_data.hpp"
#include "small_recogniser.hpp"

namespace {

namespace fs = std::filesystem;
using lafs_test::Arguments, lafs_test::check_contains, lafs_test::count_entries, lafs_test::failure,
    lafs_test::read_text, lafs_test::run_program, lafs_test::SmallRecogniser, lafs_test::TemporaryFolder,
    lafs_test::write_text, lafs_test::operator+;

/// The values behind the 128 bytes of header of a small .npy file.
template <class T>
std::vector<T> npy_values(const fs::path& path, const std::string& dictionary) {
    const std::string text = read_text(path);
    REQUIRE(text.size() > 128);
    CHECK(text.substr(10, dictionary.size()) == dictionary);
    std::vector<T> values((text.size() - 128) / sizeof(T));
    std::memcpy(values.data(), text.data() + 128, values.size() * sizeof(T));
    return values;
}

void check_near(std::span<const float> got, std::span<const float> expected, double tolerance) {
    REQUIRE(got.size() == expected.size());
    for (std::size_t i = 0; i < got.size(); ++i)
        if (std::abs(got[i] - expected[i]) > tolerance)
            FAIL("value " << i << " is " << got[i] << ", expected " << expected[i]);
}

/// Seven faces of three people in a folder.
struct Faces {
    TemporaryFolder folder;
    fs::path root = folder / "faces", out = folder / "e.npy";
    std::vector<lafs::Image> images;
    std::vector<std::string> names;

    Faces() {
        const auto source = lafs::open_source("synthetic:ids=3,images=3");
        const std::vector<std::pair<std::string, std::int64_t>> files{
            {"a/1.png", 0}, {"a/2.png", 1}, {"b/1.png", 3}, {"b/2.png", 4},
            {"c/1.png", 6}, {"c/2.png", 7}, {"c/3.png", 8}};
        for (const auto& [name, index] : files) {
            fs::create_directories((root / name).parent_path());
            images.push_back(source->image(index));
            names.push_back(name);
            lafs::save_image(root / name, images.back());
        }
    }

    Arguments embed() const {
        return {"--weights", SmallRecogniser::get().weights(), "--data", root, "--out", out};
    }
};

}  // namespace

TEST_CASE("every face gets its embedding, in order", "[programs]") {
    const Faces faces;
    SmallRecogniser& model = SmallRecogniser::get();
    const auto result = run_program(
        "lafs_embed",
        faces.embed() + Arguments{"--names", faces.folder / "names.txt", "--labels", faces.folder / "l.npy"});
    INFO(result.errors);
    REQUIRE(result.exit_code == 0);
    check_contains(result.output, "7 embeddings of 32 values in ");
    check_contains(result.output, "0 damaged images left out");
    const std::string shape = "{'descr': '<f4', 'fortran_order': False, 'shape': (7, 32), }";
    const std::vector<float> rows = npy_values<float>(faces.out, shape);
    REQUIRE(rows.size() == 7 * 32);
    std::vector<float> expected, mirrored;
    for (const lafs::Image& image : faces.images) {
        const auto own = model.embed(image), mirror = model.embed(lafs::flip_horizontal(image));
        expected.insert(expected.end(), own.begin(), own.end());
        for (std::size_t i = 0; i < own.size(); ++i)
            mirrored.push_back(own[i] + mirror[i]);
    }
    check_near(rows, expected, 1e-5);
    CHECK(std::vector<float>(rows.begin(), rows.begin() + 32) !=
          std::vector<float>(rows.end() - 32, rows.end()));
    CHECK(read_text(faces.folder / "names.txt") ==
          "a/1.png\na/2.png\nb/1.png\nb/2.png\nc/1.png\nc/2.png\nc/3.png\n");
    CHECK(npy_values<std::int64_t>(faces.folder / "l.npy",
                                   "{'descr': '<i8', 'fortran_order': False, 'shape': (7,), }") ==
          std::vector<std::int64_t>{0, 0, 1, 1, 2, 2, 2});
    CHECK(count_entries(faces.folder.path()) == 4);  // nothing is left over

    REQUIRE(run_program("lafs_embed", faces.embed() + Arguments{"--flip"}).exit_code == 0);
    check_near(npy_values<float>(faces.out, shape), mirrored, 2e-5);

    REQUIRE(run_program("lafs_embed", faces.embed() + Arguments{"--normalise"}).exit_code == 0);
    const std::vector<float> unit = npy_values<float>(faces.out, shape);
    for (std::size_t row = 0; row < 7; ++row) {
        double square = 0, dot = 0, length = 0;
        for (std::size_t i = row * 32; i < (row + 1) * 32; ++i) {
            square += double{unit[i]} * unit[i];
            dot += double{unit[i]} * rows[i];
            length += double{rows[i]} * rows[i];
        }
        CHECK(std::abs(square - 1) < 1e-6);
        CHECK(std::abs(dot - std::sqrt(length)) < 1e-5 * std::sqrt(length));
    }

    REQUIRE(run_program("lafs_embed", faces.embed() + Arguments{"--half"}).exit_code == 0);
    const auto halves =
        npy_values<lafs::half>(faces.out, "{'descr': '<f2', 'fortran_order': False, 'shape': (7, 32), }");
    check_near(std::vector<float>(halves.begin(), halves.end()), rows, 2e-3);
}

TEST_CASE("embeddings are the same for any batch and any number of threads", "[programs]") {
    const Faces faces;
    REQUIRE(run_program("lafs_embed", faces.embed()).exit_code == 0);
    const std::string whole = read_text(faces.out);
    for (const std::string batch : {"1", "2", "3", "100"})
        for (const std::string threads : {"1", "2"}) {
            INFO(batch << " images, " << threads << " threads");
            REQUIRE(
                run_program("lafs_embed", faces.embed() + Arguments{"--batch", batch, "--threads", threads})
                    .exit_code == 0);
            CHECK(read_text(faces.out) == whole);
        }
}

TEST_CASE("safetensors hold embeddings, labels and how they were made", "[programs]") {
    const Faces faces;
    const fs::path out = faces.folder / "e.safetensors";
    REQUIRE(run_program("lafs_embed", faces.embed()).exit_code == 0);
    REQUIRE(run_program("lafs_embed", faces.embed() + Arguments{"--out", out}).exit_code == 0);
    const auto file = lafs::SafetensorsFile::open(out);
    CHECK(file.info("embeddings").shape == std::vector<std::int64_t>{7, 32});
    const auto values = file.read<float>("embeddings");
    const std::string npy = read_text(faces.out);
    CHECK(std::memcmp(values.data(), npy.data() + 128, values.size() * 4) == 0);
    CHECK(file.read<std::int64_t>("labels") == std::vector<std::int64_t>{0, 0, 1, 1, 2, 2, 2});
    CHECK(file.metadata("normalised") == "false");
}

TEST_CASE("damaged faces stop the program, or are left out and named", "[programs]") {
    const Faces faces;
    write_text(faces.root / "b/1.png", "these are not pixels");
    write_text(faces.root / "c/3.png", "");
    const std::string error = failure("lafs_embed", faces.embed());
    check_contains(error, "image 2, b/1.png, cannot be read: [decode image]");
    check_contains(error, "--skip-damaged");
    CHECK_FALSE(fs::exists(faces.out));
    for (const std::string batch : {"1", "32"}) {
        const auto result =
            run_program("lafs_embed", faces.embed() + Arguments{"--skip-damaged", "--batch", batch, "--names",
                                                                faces.folder / "names.txt", "--labels",
                                                                faces.folder / "l.npy"});
        REQUIRE(result.exit_code == 0);
        check_contains(result.errors, "left out: image 2, b/1.png: [decode image]");
        check_contains(result.errors, "left out: image 6, c/3.png: [decode image]");
        check_contains(result.output, "5 embeddings of 32 values");
        check_contains(result.output, "2 damaged images left out");
        const auto rows =
            npy_values<float>(faces.out, "{'descr': '<f4', 'fortran_order': False, 'shape': (5, 32), }");
        check_near(std::span(rows).subspan(64, 32), SmallRecogniser::get().embed(faces.images[3]), 1e-5);
        CHECK(read_text(faces.folder / "names.txt") == "a/1.png\na/2.png\nb/2.png\nc/1.png\nc/2.png\n");
        CHECK(npy_values<std::int64_t>(faces.folder / "l.npy",
                                       "{'descr': '<i8', 'fortran_order': False, 'shape': (5,), }") ==
              std::vector<std::int64_t>{0, 0, 1, 2, 2});
    }
    for (const std::string& name : faces.names)
        write_text(faces.root / name, "no");
    check_contains(failure("lafs_embed", faces.embed() + Arguments{"--skip-damaged"}),
                   "none of 7 images can be read");
}

TEST_CASE("faces of another size are said to be scaled", "[programs]") {
    const Faces faces;
    lafs::save_image(faces.root / "a/2.png", lafs::resize(faces.images[1], 130, 150));
    const auto result = run_program("lafs_embed", faces.embed());
    REQUIRE(result.exit_code == 0);
    check_contains(result.errors, "are not 112 x 112 (the first: a/2.png, 130 x 150) and were resized");
}

TEST_CASE("NumPy reads the embeddings", "[programs]") {
    if (std::system("python3 -c 'import numpy' 2>/dev/null") != 0) {
        std::cout << "SKIPPED: Python has no NumPy\n";
        return;
    }
    const Faces faces;
    for (const std::string type : {"float32", "float16"}) {
        REQUIRE(
            run_program("lafs_embed", faces.embed() + (type == "float16" ? Arguments{"--half"} : Arguments{}))
                .exit_code == 0);
        const std::string script = "import numpy; a = numpy.load('" + faces.out.string() +
                                   "'); print(a.shape, a.dtype, bool(numpy.isfinite(a).all()))";
        const fs::path said = faces.folder / "said.txt";
        REQUIRE(std::system(("python3 -c \"" + script + "\" > " + said.string()).c_str()) == 0);
        CHECK(read_text(said) == "(7, 32) " + type + " True\n");
    }
}

TEST_CASE("record files and verification sets are embedded", "[programs]") {
    const Faces faces;
    if (const auto records = lafs_test::shared("data/recordio/faces_small")) {
        const auto source = lafs::open_source(records->string());
        const auto result = run_program("lafs_embed", faces.embed() + Arguments{"--data", *records});
        INFO(result.errors);
        REQUIRE(result.exit_code == 0);
        check_contains(result.output, std::to_string(source->size()) + " embeddings of 32 values");
    }
    if (const auto bins = lafs_test::shared("data/verification_bin")) {
        const auto result =
            run_program("lafs_embed", faces.embed() + Arguments{"--data", *bins / "python2_protocol2.bin",
                                                                "--names", faces.folder / "names.txt"});
        INFO(result.errors);
        REQUIRE(result.exit_code == 0);
        check_contains(read_text(faces.folder / "names.txt"),
                       "pair0000000/a\npair0000000/b\npair0000001/a\n");
    }
}

TEST_CASE("what lafs_embed needs is explained", "[programs]") {
    const Faces faces;
    check_contains(failure("lafs_embed", faces.embed() + Arguments{"--out", faces.folder / "e.csv"}),
                   "expected a name that ends in .npy or .safetensors");
    check_contains(
        failure("lafs_embed", faces.embed() + Arguments{"--out", faces.folder / "absent" / "e.npy"}),
        "absent/e.npy\" does not exist");
    check_contains(
        failure("lafs_embed", faces.embed() + Arguments{"--names", faces.folder / "absent" / "n.txt"}),
        "absent/n.txt\" does not exist");
    check_contains(failure("lafs_embed", faces.embed() + Arguments{"--data", faces.folder / "absent"}),
                   "absent");
    check_contains(
        failure("lafs_embed", faces.embed() + Arguments{"--weights", faces.folder / "absent.safetensors"}),
        "absent.safetensors");
    write_text(faces.folder / "broken.bin", "no pickle");
    check_contains(failure("lafs_embed", faces.embed() + Arguments{"--data", faces.folder / "broken.bin"}),
                   "broken.bin");
    check_contains(failure("lafs_embed", faces.embed(), 500), "File too large");
    CHECK_FALSE(fs::exists(faces.out));
    CHECK(run_program("lafs_embed", faces.embed() + Arguments{"--batch", "0"}).exit_code != 0);
    check_contains(run_program("lafs_embed", {"--help"}).output, "--skip-damaged");
}
