// Photographs to aligned faces of 112 x 112 pixels.
#include <cstdio>
#include <lafs/core/threads.hpp>
#include <lafs/data/align_images.hpp>

#include "detector_cli.hpp"
#include "image_options.hpp"
#include "run_program.hpp"

int main(int argc, char** argv) {
    CLI::App app{
        "Turns photographs into aligned faces of 112 x 112 pixels, the input of every recogniser here. Where "
        "eyes, nose "
        "and mouth are comes from a list (--points) or from a detector (--detector).\n"
        "Exit code 0: every image is aligned or shows no face; 1: some could not be read, or an error."};
    app.option_defaults()->always_capture_default()->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
    lafs::AlignOptions options;
    DetectorCli detector;
    std::filesystem::path points;
    std::string format = "png";
    bool force = false, resume = false, strict = false, skip_damaged = false;
    int threads = 0;
    app.add_option("--root", options.root, "Folder of the photographs; folders in it are kept")->required();
    app.add_option("--out", options.out, "Folder for the aligned faces, under the same names")->required();
    auto* list =
        app.add_option("--points", points,
                       "List of `image x1 y1 .. x5 y5 [score]` lines: the image's name in --root, then left "
                       "eye, right eye, nose, left and right corner of the mouth in pixels; only images in "
                       "the list are aligned");
    add_detector_options(app, detector);
    list->excludes(app.get_option("--detector"));
    app.add_option("--format", format, "png or jpg")->check(CLI::IsMember({"png", "jpg"}));
    app.add_option("--quality", options.quality, "Quality of jpg")->check(CLI::Range(1, 100));
    app.add_flag("--force", force, "Replace aligned faces that are there already");
    app.add_flag("--resume", resume, "Keep aligned faces that are there already and go on with the rest")
        ->excludes("--force");
    app.add_flag("--strict", strict, "An image without a face is an error: exit code 1 at the end");
    app.add_flag("--skip-damaged", skip_damaged, "An image that cannot be read is no error");
    add_image_options(app);
    app.add_option("--threads", threads, "Threads; 0: one per core")->check(CLI::Range(0, 1024));
    return run_program(app, argc, argv, [&] {
        lafs::require(
            !points.empty() || !detector.model.empty(), "align",
            "got neither a list of points (--points) nor a detector's model (--detector), expected one");
        if (threads > 0)
            lafs::set_threads(threads);
        options.extension = "." + format;
        options.choice = lafs::parse_face_choice(detector.choice);
        if (force)
            options.existing = lafs::Existing::replace;
        if (resume)
            options.existing = lafs::Existing::keep;
        const FindFaces find = points.empty() ? open_detector(detector) : FindFaces();
        const auto items = points.empty() ? lafs::images_below(options.root)
                                          : lafs::listed_images(lafs::read_face_points(points));
        const lafs::AlignResult result = lafs::align_images(
            items, options, find,
            [](const std::string& line) { std::fprintf(stderr, "%s\n", lafs::valid_utf8(line).c_str()); });
        std::printf(
            "%zu images: %lld aligned (%lld with several faces), %lld kept, %lld without a face, %lld "
            "damaged\n",
            items.size(), static_cast<long long>(result.written), static_cast<long long>(result.several),
            static_cast<long long>(result.kept), static_cast<long long>(result.no_face),
            static_cast<long long>(result.damaged));
        return (result.damaged > 0 && !skip_damaged) || (result.no_face > 0 && strict) ? 1 : 0;
    });
}
