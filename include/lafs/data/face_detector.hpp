// Finds faces and their five points: OpenCV's FaceDetectorYN with a YuNet model that the user gives.
//
// Requires OpenCV (objdetect, dnn), 4.5.4 or later; lafs.hpp does not include this. OpenCV 4.5.4 to 4.7 reads
// face_detection_yunet_2022mar.onnx of the OpenCV model zoo, later ones face_detection_yunet_2023mar.onnx.
#pragma once

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <lafs/core/error.hpp>
#include <lafs/data/alignment.hpp>
#include <lafs/data/image_ops.hpp>
#include <memory>
#include <mutex>
#include <opencv2/core/utils/logger.hpp>
#include <opencv2/objdetect/face.hpp>
#include <string>
#include <system_error>
#include <vector>

namespace lafs::inline LAFS_ABI {

struct FaceDetectorOptions {
    double score = 0.9;    ///< least score of a face, 0 to 1
    double overlap = 0.3;  ///< of two boxes that overlap more (intersection over union), the better one stays
    int largest_side = 1024;  ///< larger images are searched at this size
};

/// A detector; may be used from several threads, which take turns.
class FaceDetector {
public:
    /// Reads the model. Throws when it is missing or is not one that OpenCV can read.
    explicit FaceDetector(const std::filesystem::path& model, const FaceDetectorOptions& options = {})
        : model_(model.string()), options_(options) {
        require(options.score >= 0 && options.score <= 1 && options.overlap >= 0 && options.overlap <= 1,
                "face detector", "got score ", options.score, " and overlap ", options.overlap,
                ", expected 0 to 1");
        require(options.largest_side >= 32, "face detector", "got a largest side of ", options.largest_side,
                ", expected at least 32");
        std::error_code ignored;
        require(std::filesystem::is_regular_file(model, ignored), "face detector", "got the model ", model,
                ", expected an .onnx file");
        cv::utils::logging::setLogLevel(
            cv::utils::logging::LOG_LEVEL_SILENT);  // its errors are thrown as well
        try {
            detector_ = cv::FaceDetectorYN::create(model_, "", {32, 32}, static_cast<float>(options.score),
                                                   static_cast<float>(options.overlap));
        } catch (const cv::Exception& error) {
            explain(error);
        }
    }

    /// The faces of an image, best score first, in its own pixels; may be none.
    std::vector<FivePoints> operator()(const Image& image) const {
        check_image(image, "face detector");
        const double shrink =
            std::min(1.0, static_cast<double>(options_.largest_side) / std::max(image.width, image.height));
        const Image seen = resize(image, scaled(image.width, shrink), scaled(image.height, shrink));
        cv::Mat pixels(seen.height, seen.width, CV_8UC3);
        for (std::size_t i = 0; i < seen.pixels.size(); ++i)  // RGB to BGR
            pixels.data[i] = seen.pixels[i - i % 3 + 2 - i % 3];
        cv::Mat found;
        try {
            const std::lock_guard lock(mutex_);
            detector_->setInputSize(pixels.size());
            detector_->detect(pixels, found);
        } catch (const cv::Exception& error) {
            explain(error);
        }
        // Rows of 15: box, then the eye on the left of the picture, right eye, nose, left and right corner of
        // the mouth, then the score.
        std::vector<FivePoints> faces(static_cast<std::size_t>(found.rows));
        const double across = static_cast<double>(image.width) / seen.width,
                     down = static_cast<double>(image.height) / seen.height;
        for (int row = 0; row < found.rows; ++row)
            for (int k = 0; k < 5; ++k)
                faces[static_cast<std::size_t>(row)][static_cast<std::size_t>(k)] = {
                    (static_cast<double>(found.at<float>(row, 4 + 2 * k)) + 0.5) * across - 0.5,
                    (static_cast<double>(found.at<float>(row, 5 + 2 * k)) + 0.5) * down - 0.5};
        return faces;
    }

private:
    static int scaled(int size, double factor) { return std::max(1, static_cast<int>(size * factor + 0.5)); }

    [[noreturn]] void explain(const cv::Exception& error) const {
        fail("face detector", model_, " cannot be used by OpenCV ", CV_VERSION,
             ", expected the YuNet model of its version: face_detection_yunet_2022mar.onnx up to 4.7, "
             "face_detection_yunet_2023mar.onnx from 4.8 on (",
             error.err, ")");
    }

    std::string model_;
    FaceDetectorOptions options_;
    cv::Ptr<cv::FaceDetectorYN> detector_;
    mutable std::mutex mutex_;
};

}  // namespace lafs::inline LAFS_ABI
