// Compares the faces of two photographs.
#include <cstdio>
#include <lafs/data/image_codec.hpp>
#include <lafs/faces/calibration_file.hpp>
#include <lafs/faces/compare_faces.hpp>
#include <lafs/io/json_text.hpp>

#include "detector_cli.hpp"
#include "embedder_on_device.hpp"
#include "image_options.hpp"
#include "run_program.hpp"

namespace {

struct Photograph {
    std::string path;
    std::vector<double> points;
};

struct Compare {
    Photograph a, b;
    std::filesystem::path weights, calibration;
    DetectorCli detector;
    lafs::DeviceChoice device;
    double threshold = 0, far = 0;
    bool json = false;
    int threads = 0;
};

lafs::PreparedFace prepare(const Photograph& photograph, const FindFaces& find, lafs::FaceChoice choice) {
    std::optional<lafs::FivePoints> points;
    if (!photograph.points.empty()) {
        points.emplace();
        for (std::size_t k = 0; k < points->size(); ++k)
            (*points)[k] = {photograph.points[2 * k], photograph.points[2 * k + 1]};
    }
    return lafs::prepare_photograph(lafs::load_image(photograph.path), photograph.path, points, find, choice);
}

void print(const Compare& compare, const lafs::FaceComparison& result,
           const std::optional<lafs::MatchThreshold>& threshold, const std::vector<std::string>& notes) {
    const bool same = threshold && result.squared_distance < threshold->squared_distance;
    if (compare.json) {
        nlohmann::ordered_json json = {{"a", compare.a.path},
                                       {"b", compare.b.path},
                                       {"cosine", result.cosine},
                                       {"squared_distance", result.squared_distance}};
        if (threshold) {
            json["threshold"] = {{"cosine", threshold->cosine},
                                 {"squared_distance", threshold->squared_distance}};
            json["same"] = same;
        }
        json["notes"] = notes;
        std::printf("%s\n", lafs::json_text(json, 2).c_str());
        return;
    }
    std::printf("cosine            %.4f\nsquared distance  %.4f\n", result.cosine, result.squared_distance);
    if (threshold)
        std::printf("%s: the threshold is %.4f (cosine %.4f)\n", same ? "same" : "different",
                    threshold->squared_distance, threshold->cosine);
}

int run(const Compare& compare, bool has_threshold, std::optional<double> far) {
    if (compare.threads > 0)
        lafs::set_threads(compare.threads);
    std::optional<lafs::MatchThreshold> threshold;
    if (has_threshold)
        threshold = lafs::match_threshold(1.0 - 0.5 * compare.threshold);
    if (!compare.calibration.empty())
        threshold = lafs::read_calibration(compare.calibration, far);
    const lafs::FaceChoice choice = lafs::parse_face_choice(compare.detector.choice);
    const FindFaces find = compare.detector.model.empty() ? FindFaces() : open_detector(compare.detector);
    std::vector<lafs::Image> faces;
    std::vector<std::string> notes;
    for (const Photograph* photograph : {&compare.a, &compare.b}) {
        lafs::PreparedFace face = prepare(*photograph, find, choice);
        faces.push_back(std::move(face.image));
        if (!face.note.empty())
            notes.push_back(std::move(face.note));
    }
    const auto result =
        lafs::compare_faces(faces[0], faces[1], open_embedder(compare.device, compare.weights));
    for (const std::string& note : notes)
        std::fprintf(stderr, "warning: %s\n", lafs::valid_utf8(note).c_str());
    print(compare, result, threshold, notes);
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    CLI::App app{
        "Tells how alike the faces of two photographs are and, given a threshold, whether they are of one "
        "person. A "
        "photograph of 112 x 112 pixels is taken for an aligned face."};
    app.option_defaults()->always_capture_default()->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
    Compare compare;
    app.add_option("a", compare.a.path, "First photograph")->required();
    app.add_option("b", compare.b.path, "Second photograph")->required();
    app.add_option("--weights", compare.weights, "Weights of a recogniser (.safetensors or .pth)")
        ->required();
    auto* threshold =
        app.add_option("--threshold", compare.threshold,
                       "Same when the squared distance is below this, 0 to 4 (lafs_evaluate prints it)")
            ->check(CLI::Range(0.0, 4.0))
            ->default_str("");
    auto* calibration =
        app.add_option("--calibration", compare.calibration,
                       "Take the threshold from this result of lafs_evaluate --calibrate FAR --json");
    auto* far = app.add_option("--far", compare.far, "The false accept rate that --calibration has to be for")
                    ->default_str("");
    threshold->excludes(calibration);
    far->needs(calibration);
    for (auto* photograph : {&compare.a, &compare.b})
        app.add_option(
               photograph == &compare.a ? "--points-a" : "--points-b", photograph->points,
               "Where the face is, in pixels: x y of left eye, right eye, nose, left and right corner of the "
               "mouth")
            ->expected(10)
            ->multi_option_policy(CLI::MultiOptionPolicy::Throw)
            ->default_str("");
    add_detector_options(app, compare.detector);
    add_image_options(app);
    app.add_flag("--json", compare.json, "Print the result as JSON");
    add_device_option(app, compare.device);
    app.add_option("--threads", compare.threads, "Threads; 0: one per core")->check(CLI::Range(0, 1024));
    return run_program(app, argc, argv, [&] {
        return run(compare, threshold->count() > 0,
                   far->count() > 0 ? std::optional<double>(compare.far) : std::nullopt);
    });
}
