// lafs_compare: the numbers, thresholds, photographs that have to be aligned, and what it refuses.
#include <cmath>
#include <lafs/data/alignment.hpp>
#include <lafs/data/image_codec.hpp>
#include <lafs/data/synthetic_faces.hpp>
#include <nlohmann/json.hpp>

#include "catch.hpp"
#include "run_program.hpp"
#include "small_recogniser.hpp"

namespace {

namespace fs = std::filesystem;
using lafs_test::Arguments, lafs_test::check_contains, lafs_test::failure, lafs_test::run_program,
    lafs_test::SmallRecogniser, lafs_test::TemporaryFolder, lafs_test::write_text, lafs_test::operator+;

/// Two aligned faces, and the second within a larger photograph.
struct Photographs {
    TemporaryFolder folder;
    fs::path a = folder / "a.png", b = folder / "b.png", large = folder / "large.png";
    lafs::Image face_a, face_b;
    double distance = 0;

    Photographs() {
        const lafs::SyntheticFaces faces(2, 1, 0, 0);
        face_a = faces.image(0);
        face_b = faces.image(1);
        lafs::save_image(a, face_a);
        lafs::save_image(b, face_b);
        lafs::Image photograph(200, 160);
        for (int y = 0; y < 112; ++y)
            std::copy_n(face_b.at(0, y), 3 * 112, photograph.at(50, 30 + y));
        lafs::save_image(large, photograph);

        // |u - v|^2 of the sums of image and mirror, normalised.
        const auto u = sum_with_mirror(face_a), v = sum_with_mirror(face_b);
        double uu = 0, vv = 0, uv = 0;
        for (std::size_t i = 0; i < u.size(); ++i) {
            uu += u[i] * u[i];
            vv += v[i] * v[i];
            uv += u[i] * v[i];
        }
        distance = 2 - 2 * uv / std::sqrt(uu * vv);
    }

    static std::vector<double> sum_with_mirror(const lafs::Image& face) {
        const auto own = SmallRecogniser::get().embed(face),
                   mirror = SmallRecogniser::get().embed(lafs::flip_horizontal(face));
        std::vector<double> sum;
        for (std::size_t i = 0; i < own.size(); ++i)
            sum.push_back(double{own[i]} + mirror[i]);
        return sum;
    }

    Arguments compare(const fs::path& first, const fs::path& second, const Arguments& more = {}) const {
        return Arguments{first, second, "--weights", SmallRecogniser::get().weights()} + more;
    }

    /// The points of the face in the large photograph, as an option.
    static Arguments points(const std::string& option, double shift_x = 50, double shift_y = 30) {
        Arguments words{option};
        for (const lafs::Point& p : lafs::face_template) {
            words.push_back(std::to_string(p.x + shift_x));
            words.push_back(std::to_string(p.y + shift_y));
        }
        return words;
    }

    nlohmann::json json(const Arguments& arguments) const {
        const auto result = run_program("lafs_compare", arguments + Arguments{"--json"});
        INFO(result.errors);
        REQUIRE(result.exit_code == 0);
        return nlohmann::json::parse(result.output);
    }
};

/// A threshold like that of lafs_evaluate, by its squared distance.
std::string calibration(double distance) {
    return R"({"accuracy": 0.9, "calibration": {"wanted_far": 0.001, "cosine": )" +
           std::to_string(1 - distance / 2) + R"(, "squared_distance": )" + std::to_string(distance) + "}}";
}

}  // namespace

TEST_CASE("two faces are compared as in verification", "[programs]") {
    const Photographs photos;
    const auto json = photos.json(photos.compare(photos.a, photos.b));
    CHECK(std::abs(json.at("squared_distance").get<double>() - photos.distance) < 1e-5);
    CHECK(std::abs(json.at("cosine").get<double>() - (1 - photos.distance / 2)) < 1e-5);
    CHECK_FALSE(json.contains("same"));
    CHECK(json.at("notes").empty());
    CHECK(photos.distance > 1e-4);  // the values above say something

    const auto same = photos.json(photos.compare(photos.a, photos.a));
    CHECK(std::abs(same.at("squared_distance").get<double>()) < 1e-12);
    const auto text = run_program("lafs_compare", photos.compare(photos.a, photos.a, {"--threshold", "0.5"}));
    CHECK(text.output ==
          "cosine            1.0000\nsquared distance  0.0000\nsame: the threshold is 0.5000 (cosine "
          "0.7500)\n");
}

TEST_CASE("a threshold decides, given or calibrated", "[programs]") {
    const Photographs photos;
    const std::string above = std::to_string(photos.distance * 1.1 + 1e-5),
                      below = std::to_string(photos.distance * 0.9);
    CHECK(photos.json(photos.compare(photos.a, photos.b, {"--threshold", above})).at("same") == true);
    CHECK(photos.json(photos.compare(photos.a, photos.b, {"--threshold", below})).at("same") == false);
    check_contains(
        run_program("lafs_compare", photos.compare(photos.a, photos.b, {"--threshold", below})).output,
        "different: the threshold is ");
    CHECK(photos.json(photos.compare(photos.a, photos.a, {"--threshold", "0"})).at("same") ==
          false);  // strictly

    const fs::path file = photos.folder / "result.json";
    const Arguments calibrated = photos.compare(photos.a, photos.b, {"--calibration", file});
    write_text(file, calibration(photos.distance * 1.1 + 1e-5));
    CHECK(photos.json(calibrated).at("same") == true);
    CHECK(photos.json(calibrated + Arguments{"--far", "1e-3"}).at("same") == true);
    write_text(file, calibration(photos.distance * 0.9 - 1e-5));
    CHECK(photos.json(calibrated).at("same") == false);

    check_contains(failure("lafs_compare", calibrated + Arguments{"--far", "1e-4"}),
                   "is for FAR 0.001, got 0.0001");
    for (const auto& [content, message] : std::vector<std::pair<std::string, std::string>>{
             {"", "is no JSON object"},
             {"[1, 2]", "is no JSON object"},
             {std::string(100'000, '['), "is no JSON object"},
             {std::string(2'000'000, ' '), "has 2000000 bytes, expected at most 131072"},
             {R"({"accuracy": 1})", "holds no calibration"},
             {R"({"calibration": 3})", "holds no calibration"},
             {R"({"sets": {}})", "holds several sets"},
             {R"({"calibration": {"wanted_far": 0.1}})", "the calibration has no \"cosine\""},
             {R"({"calibration": {"wanted_far": 0.1, "cosine": "x"}})", "expected a number"}}) {
        write_text(file, content);
        check_contains(failure("lafs_compare", calibrated), message);
    }
    check_contains(run_program("lafs_compare", calibrated + Arguments{"--threshold", "1"}).errors,
                   "--threshold");
    check_contains(run_program("lafs_compare", photos.compare(photos.a, photos.b, {"--far", "0.1"})).errors,
                   "--far");
    check_contains(
        run_program("lafs_compare", photos.compare(photos.a, photos.b, {"--threshold", "5"})).errors,
        "--threshold");
}

TEST_CASE("photographs are aligned by points, or scaled with a warning", "[programs]") {
    const Photographs photos;
    const auto aligned =
        photos.json(photos.compare(photos.a, photos.large) + Photographs::points("--points-b"));
    CHECK(std::abs(aligned.at("squared_distance").get<double>() - photos.distance) < 1e-5);
    CHECK(aligned.at("notes").empty());
    const auto swapped =
        photos.json(photos.compare(photos.large, photos.a) + Photographs::points("--points-a"));
    CHECK(std::abs(swapped.at("squared_distance").get<double>() - photos.distance) < 1e-5);

    const auto scaled = run_program("lafs_compare", photos.compare(photos.a, photos.large));
    REQUIRE(scaled.exit_code == 0);
    check_contains(scaled.errors, "warning: " + photos.large.string() +
                                      " is 200 x 160 pixels, not 112 x 112, and was scaled");
    CHECK(photos.json(photos.compare(photos.a, photos.large)).at("notes").size() == 1);

    auto one_place = Photographs::points("--points-b");
    for (std::size_t i = 1; i < one_place.size(); ++i)
        one_place[i] = "7";
    check_contains(failure("lafs_compare", photos.compare(photos.a, photos.large) + one_place),
                   "all points lie at 7, 7");
    const auto few =
        run_program("lafs_compare", photos.compare(photos.a, photos.large, {"--points-b", "1", "2"}));
    CHECK(few.exit_code != 0);
    check_contains(few.errors, "--points-b");
    const std::string missing = failure(
        "lafs_compare", photos.compare(photos.a, photos.large, {"--detector", photos.folder / "m.onnx"}));
    if (missing.find("built without OpenCV") == std::string::npos)
        check_contains(missing, "m.onnx\", expected an .onnx file");
}

TEST_CASE("what lafs_compare cannot read is named", "[programs]") {
    const Photographs photos;
    check_contains(failure("lafs_compare", photos.compare(photos.a, photos.folder / "absent.png")),
                   "absent.png");
    write_text(photos.b, "no pixels");
    check_contains(failure("lafs_compare", photos.compare(photos.a, photos.b)), "b.png");
    check_contains(failure("lafs_compare", {photos.a, photos.a, "--weights", photos.a}), "a.png");
    CHECK(run_program("lafs_compare", {photos.a, "--weights", "w"}).exit_code != 0);
    check_contains(run_program("lafs_compare", {"--help"}).output, "Second photograph");
}
