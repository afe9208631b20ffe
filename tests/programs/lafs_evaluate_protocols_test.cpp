// lafs_evaluate as a user runs it: verification sets, IJB, thresholds, curves, bad input.
#include <filesystem>
#include <lafs/data/image_codec.hpp>
#include <lafs/data/synthetic_faces.hpp>
#include <lafs/data/verification_bin.hpp>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "catch.hpp"
#include "ijb_tree.hpp"
#include "markup.hpp"
#include "run_program.hpp"

namespace {

namespace fs = std::filesystem;
using Arguments = std::vector<std::string>;

/// A recogniser that was not trained, two verification sets, an IJB tree, a list of scores.
struct Files {
    lafs_test::IjbTree ijb;
    fs::path folder = ijb.folder.path(), weights = folder / "run" / "model.safetensors",
             bins = folder / "bins";

    Files() {
        const auto made =
            lafs_test::run_program("lafs_finetune", {"--data", "synthetic:ids=4,images=2", "--model",
                                                     "tiny:depth=1,width=32,heads=1,hidden=32", "--epochs",
                                                     "0", "--out", folder / "run"});
        INFO(made.errors);
        REQUIRE(made.exit_code == 0);
        fs::create_directories(bins);
        write_bin("bins/first", 11);
        write_bin("bins/second", 12);
        write_bin("short", 13, 8);
        write_bin("same", 13, 1);
        lafs_test::write_text(folder / "scores.txt", "0.9 1\n0.7 0\n0.5 1\n0.1 0\n0.3 0\n");
    }

    /// 20 pairs of 10 people in ten folds, same and different in turn.
    void write_bin(const std::string& name, std::uint64_t seed, std::size_t pairs = 20) const {
        const lafs::SyntheticFaces faces(10, 2, seed);
        std::vector<std::vector<std::byte>> encoded;
        for (std::int64_t i = 0; i < faces.size(); ++i)
            encoded.push_back(lafs::encode_png(faces.image(i)));
        std::vector<std::span<const std::byte>> images;
        std::vector<std::uint8_t> same;
        for (std::size_t k = 0; k < pairs; ++k) {
            const std::size_t person = k / 2;
            same.push_back(k % 2 == 0);
            images.emplace_back(encoded[2 * person]);
            images.emplace_back(encoded[k % 2 == 0 ? 2 * person + 1 : (2 * person + 2) % 20]);
        }
        lafs::write_verification_bin(folder / (name + ".bin"), images, same);
    }
};

const Files& files() {
    static const Files made;
    return made;
}

lafs_test::ProgramResult evaluate(const Arguments& arguments) {
    return lafs_test::run_program("lafs_evaluate", arguments);
}

Arguments with_weights(Arguments more) {
    more.insert(more.begin(), {"--weights", files().weights});
    return more;
}

/// Standard output, which must be JSON alone.
nlohmann::json json_of(Arguments arguments) {
    arguments.insert(arguments.end(), {"--json", "-"});
    const auto result = evaluate(arguments);
    INFO(result.errors);
    REQUIRE(result.exit_code == 0);
    return nlohmann::json::parse(result.output);
}

void refused(const Arguments& arguments, const std::string& part) {
    const auto result = evaluate(arguments);
    INFO(result.errors << " expected to contain " << part);
    CHECK(result.exit_code == 1);
    CHECK(result.errors.find("error: ") == 0);
    CHECK(result.errors.find(part) != std::string::npos);
    CHECK(result.output.empty());
}

}  // namespace

TEST_CASE("verification sets: one alone, several, a folder", "[programs]") {
    const fs::path first = files().bins / "first.bin", second = files().bins / "second.bin";
    const auto one = json_of(with_weights({"--bin", first}));
    CHECK(one.at("pairs") == 20);
    CHECK((one.at("accuracy") >= 0.0 && one.at("accuracy") <= 1.0));
    CHECK(one.contains("accuracy_std"));
    CHECK(one.contains("best_threshold"));
    CHECK(one.at("tar_at_far").size() == 4);
    const auto both = json_of(with_weights({"--bin", first, "--bin", second}));
    CHECK(both.at("sets").size() == 2);
    CHECK(both.at("sets").at("first") == one);
    CHECK(both.at("sets").at("second").at("pairs") == 20);
    CHECK(json_of(with_weights({"--bin", files().bins, "--batch", "7", "--threads", "1"})) == both);
    const auto table = evaluate(with_weights({"--bin", files().bins}));
    CHECK(table.output.find("\nfirst  ") != std::string::npos);
    CHECK(table.output.find("\nsecond ") != std::string::npos);
    CHECK(table.output.find("\nmean ") != std::string::npos);
    CHECK(json_of(with_weights({"--bin", first, "--no-flip"})).at("pairs") == 20);
}

TEST_CASE("IJB from its files: templates, identification, the same for every batch and thread",
          "[programs]") {
    const Arguments arguments =
        with_weights({"--protocol", "ijb", "--ijb", files().folder, "--set", "ijbb", "--calibrate", "0.1"});
    const auto result = json_of(arguments);
    CHECK(result.at("protocol") == "ijb");
    CHECK(result.at("images") == 24);
    CHECK(result.at("templates") == 12);
    CHECK(result.at("pairs") == 36);
    CHECK(result.at("tar_at_far").size() == 6);
    CHECK(result.at("calibration").at("impostor_pairs") == 30);
    const auto& identification = result.at("identification");
    for (const char* definition : {"pooled", "pooled_maxima", "per_gallery"}) {
        CHECK(identification.at(definition).at("definition") == definition);
        CHECK(identification.at(definition).at("tpir_at_fpir").size() == 2);
        CHECK(identification.at(definition).at("rank").size() == 3);
    }
    CHECK(identification.at("pooled").at("mated_probes") == 5);
    CHECK(identification.at("galleries").size() == 2);
    auto other = arguments;
    other.insert(other.end(), {"--batch", "5", "--threads", "1"});
    CHECK(json_of(other) == result);
    CHECK(result.at("image_features") == "as they are");
    other.push_back("--normalise-images");
    const auto normalised = json_of(other);
    CHECK(normalised.at("image_features") == "normalised");
    CHECK(normalised.at("calibration") != result.at("calibration"));
    other.insert(other.end(), {"--no-flip", "--no-detector-score"});
    CHECK(json_of(other) != normalised);
    const auto text = evaluate(arguments);
    CHECK(text.output.find("image features: as they are, image and mirror, times the detector's score\n") !=
          std::string::npos);
    CHECK(text.output.find("ijbb: 24 images, 12 templates, 36 pairs (30 impostor)\n") == 0);
    CHECK(text.output.find("per_gallery") != std::string::npos);
}

TEST_CASE("scores of any program: rates, threshold, curves", "[programs]") {
    const lafs_test::TemporaryFolder out;
    const auto result = evaluate({"--scores", files().folder / "scores.txt", "--calibrate", "0.34", "--json",
                                  out / "result.json", "--roc", out / "roc.svg", "--det", out / "det.csv"});
    INFO(result.errors);
    REQUIRE(result.exit_code == 0);
    const auto json = nlohmann::json::parse(lafs_test::read_text(out / "result.json"));
    // One of three impostors (0.7) may pass: half-way to the next, 0.3. Both genuine scores are above.
    CHECK(json.at("calibration").at("cosine") == Approx(0.5));
    CHECK(json.at("calibration").at("squared_distance") == Approx(1.0));
    CHECK(json.at("calibration").at("tar").at("rate") == 0.5);  // 0.5 itself is not above
    CHECK(result.output.find("threshold for FAR 0.34") != std::string::npos);
    CHECK(lafs_test::markup_problem(lafs_test::read_text(out / "roc.svg")).empty());
    CHECK(lafs_test::read_text(out / "det.csv").find("curve,far,tar,frr,threshold\n\"scores\",0,0,1,") == 0);
    CHECK(lafs_test::count_entries(out.path()) == 3);  // nothing but the files asked for
}

TEST_CASE("curves of several sets are in one picture", "[programs]") {
    const lafs_test::TemporaryFolder out;
    REQUIRE(
        evaluate(with_weights({"--bin", files().bins, "--det", out / "det.svg", "--roc", out / "roc.csv"}))
            .exit_code == 0);
    const std::string svg = lafs_test::read_text(out / "det.svg"),
                      csv = lafs_test::read_text(out / "roc.csv");
    for (const char* name : {"first", "second"}) {
        CHECK(svg.find(std::string(">") + name + "<") != std::string::npos);
        CHECK(csv.find(std::string("\n\"") + name + "\",") != std::string::npos);
    }
}

TEST_CASE("what cannot be evaluated is explained before any work", "[programs]") {
    const std::string scores = files().folder / "scores.txt";
    refused(with_weights({}), "expected --bin or --pairs, or --ijb, or --scores");
    refused({"--bin", files().bins}, "--weights is missing");
    refused(with_weights({"--pairs", "pairs.txt"}), "got one of --pairs and --root");
    refused(with_weights({"--ijb", files().folder}), "--ijb belongs to --protocol ijb");
    refused(with_weights({"--protocol", "ijb"}), "needs --ijb");
    refused({"--scores", scores, "--bin", files().bins}, "several kinds");
    refused({"--scores", scores, "--roc", "roc.png"}, "expected a name that ends in .svg or .csv");
    refused({"--scores", scores, "--det", files().folder / "absent" / "det.svg"}, "is missing");
    refused({"--scores", files().weights}, "line 1");
    refused(with_weights({"--bin", files().ijb.root}), "has no .bin files");
    refused(with_weights({"--bin", files().weights}), "model.safetensors");
    refused(with_weights({"--bin", files().folder / "short.bin"}),
            "short.bin\" has 8 pairs, expected at least 10");
    refused(with_weights({"--bin", files().bins, "--bin", files().folder / "same.bin"}),
            "same.bin\" has 1 genuine of 1 pairs, expected pairs of both kinds");
    refused(with_weights({"--protocol", "ijb", "--ijb", files().bins}), "meta and loose_crop");
    refused(with_weights({"--protocol", "ijb", "--ijb", files().folder, "--set", "ijbc"}),
            "meta and loose_crop");
    const auto help = evaluate({"--help"});
    CHECK(help.exit_code == 0);
    CHECK(help.output.find("--calibrate") != std::string::npos);
}

TEST_CASE("a damaged IJB set is named by file and line", "[programs]") {
    const lafs_test::IjbTree broken;
    const Arguments run = with_weights({"--protocol", "ijb", "--ijb", broken.root, "--set", "ijbb"});
    SECTION("an unknown template in the pairs") {
        broken.list("template_pair_label.txt", "1 2 1\n1 99 0\n");
        refused(run, "ijbb_template_pair_label.txt line 2: template 99 has no images");
    }
    SECTION("a missing image") {
        fs::remove(broken.root / "loose_crop" / "3.png");
        refused(run, "ijbb_face_tid_mid.txt line 3: the file");
    }
    SECTION("an image that is none") {
        lafs_test::write_text(broken.root / "loose_crop" / "3.png", "no pixels");
        refused(run, "3.png");
    }
}
