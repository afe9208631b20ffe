// The options with which programs find faces in photographs.
#pragma once

#include <CLI/CLI.hpp>
#include <filesystem>
#include <functional>
#include <lafs/data/alignment.hpp>
#include <lafs/data/face_points.hpp>
#include <memory>
#include <string>
#include <vector>

#if __has_include(<opencv2/objdetect/face.hpp>)
#include <lafs/data/face_detector.hpp>
#endif

struct DetectorCli {
    std::filesystem::path model;
    double score = 0.9;
    int largest_side = 1024;
    std::string choice = "largest";
};

/// Adds --detector, --score, --search-size and --choose.
inline void add_detector_options(CLI::App& app, DetectorCli& detector) {
    app.add_option("--detector", detector.model,
                   "A YuNet face detection model (.onnx) that finds the faces: "
                   "face_detection_yunet_2023mar.onnx or later, or "
                   "face_detection_yunet_2022mar.onnx with OpenCV up to 4.7");
    app.add_option("--score", detector.score, "Least score of a detected face")->check(CLI::Range(0.0, 1.0));
    app.add_option("--search-size", detector.largest_side,
                   "Longer side at which the detector looks at larger images, in pixels")
        ->check(CLI::Range(32, 16384));
    app.add_option("--choose", detector.choice, "Which of several faces: largest or central")
        ->check(CLI::IsMember({"largest", "central"}));
}

/// All faces of an image.
using FindFaces = std::function<std::vector<lafs::FivePoints>(const lafs::Image&)>;

/// Opens the detector. Throws when the program was built without OpenCV.
inline FindFaces open_detector([[maybe_unused]] const DetectorCli& detector) {
#if __has_include(<opencv2/objdetect/face.hpp>)
    lafs::FaceDetectorOptions options;
    options.score = detector.score;
    options.largest_side = detector.largest_side;
    return [found = std::make_shared<lafs::FaceDetector>(detector.model, options)](const lafs::Image& image) {
        return (*found)(image);
    };
#endif
#if !__has_include(<opencv2/objdetect/face.hpp>)
    lafs::fail("face detector",
               "this program was built without OpenCV, which --detector needs: install it (Debian: "
               "libopencv-dev) and "
               "build again, or give the points of the faces in a list");
#endif
}
