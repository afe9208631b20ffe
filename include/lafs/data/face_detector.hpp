// Finds faces and their five points with a YuNet model that the user gives, run by OpenCV.
//
// Requires OpenCV (objdetect, dnn), 4.5.4 or later; lafs.hpp does not include this. Models of 2023 and later (outputs
// cls_8 .. kps_32) run in every such version: the network is OpenCV's, its outputs are read here (yunet_outputs.hpp).
// face_detection_yunet_2022mar.onnx (loc, conf, iou) needs FaceDetectorYN of OpenCV 4.5.4 to 4.7.
#pragma once

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <lafs/core/error.hpp>
#include <lafs/data/alignment.hpp>
#include <lafs/data/image_ops.hpp>
#include <lafs/data/yunet_outputs.hpp>
#include <mutex>
#include <opencv2/core/utils/logger.hpp>
#include <opencv2/dnn.hpp>
#include <opencv2/objdetect/face.hpp>
#include <span>
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
    /// Reads the model and tries it. Throws when it is missing, or is not one that this OpenCV can run.
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
            network_ = cv::dnn::readNet(model_);
            const std::vector<cv::String> outputs = network_.getUnconnectedOutLayersNames();
            own_outputs_ =
                std::all_of(output_names().begin(), output_names().end(), [&](const std::string& name) {
                    return std::find(outputs.begin(), outputs.end(), name) != outputs.end();
                });
            if (!own_outputs_)
                detector_ =
                    cv::FaceDetectorYN::create(model_, "", {32, 32}, static_cast<float>(options.score),
                                               static_cast<float>(options.overlap));
            search(cv::Mat(64, 64, CV_8UC3, cv::Scalar()));
        } catch (const std::exception& error) {
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
        std::vector<FivePoints> faces;
        try {
            const std::lock_guard lock(mutex_);
            faces = search(pixels);
        } catch (const cv::Exception& error) {
            explain(error);
        }
        const double across = static_cast<double>(image.width) / seen.width,
                     down = static_cast<double>(image.height) / seen.height;
        for (FivePoints& points : faces)
            for (Point& p : points)
                p = {(p.x + 0.5) * across - 0.5, (p.y + 0.5) * down - 0.5};
        return faces;
    }

private:
    static int scaled(int size, double factor) { return std::max(1, static_cast<int>(size * factor + 0.5)); }

    /// cls_8, cls_16, cls_32, obj_8 ... kps_32.
    static const std::vector<cv::String>& output_names() {
        static const std::vector<cv::String> names = [] {
            std::vector<cv::String> all;
            for (const char* kind : {"cls_", "obj_", "bbox_", "kps_"})
                for (const char* stride : {"8", "16", "32"})
                    all.push_back(std::string(kind) + stride);
            return all;
        }();
        return names;
    }

    std::vector<FivePoints> search(const cv::Mat& pixels) const {
        return own_outputs_ ? search_network(pixels) : search_detector(pixels);
    }

    std::vector<FivePoints> search_network(const cv::Mat& pixels) const {
        const auto padded = [](int size) { return (size + 31) / 32 * 32; };
        cv::Mat whole = cv::Mat::zeros(padded(pixels.rows), padded(pixels.cols), CV_8UC3);
        pixels.copyTo(whole(cv::Rect(0, 0, pixels.cols, pixels.rows)));
        network_.setInput(cv::dnn::blobFromImage(whole));
        std::vector<cv::Mat> outputs;
        network_.forward(outputs, output_names());
        const auto numbers = [&](std::size_t i) {
            require(i < outputs.size() && outputs[i].type() == CV_32F && outputs[i].isContinuous(),
                    "face detector", "got an output ", output_names()[i], " of other numbers than float");
            return std::span<const float>(outputs[i].ptr<float>(), outputs[i].total());
        };
        std::vector<FoundFace> found;
        for (std::size_t k = 0; k < 3; ++k)
            add_yunet_faces({numbers(k), numbers(3 + k), numbers(6 + k), numbers(9 + k)}, 8 << k, whole.cols,
                            whole.rows, options_.score, found);
        std::vector<FivePoints> faces;
        for (const FoundFace& face : without_overlaps(std::move(found), options_.overlap))
            faces.push_back(face.points);
        return faces;
    }

    std::vector<FivePoints> search_detector(const cv::Mat& pixels) const {
        cv::Mat found;
        detector_->setInputSize(pixels.size());
        detector_->detect(pixels, found);
        // Rows of 15: box, then the eye on the left of the picture, right eye, nose, left and right corner of
        // the mouth, then the score.
        std::vector<FivePoints> faces(static_cast<std::size_t>(found.rows));
        for (int row = 0; row < found.rows; ++row)
            for (int k = 0; k < 5; ++k)
                faces[static_cast<std::size_t>(row)][static_cast<std::size_t>(k)] = {
                    static_cast<double>(found.at<float>(row, 4 + 2 * k)),
                    static_cast<double>(found.at<float>(row, 5 + 2 * k))};
        return faces;
    }

    [[noreturn]] void explain(const std::exception& error) const {
        const auto* own = dynamic_cast<const cv::Exception*>(&error);
        fail("face detector", model_, " cannot be used by OpenCV ", CV_VERSION,
             ", expected a YuNet model: face_detection_yunet_2023mar.onnx or later, or 2022mar up to OpenCV "
             "4.7 (",
             own ? own->err.c_str() : error.what(), ")");
    }

    std::string model_;
    FaceDetectorOptions options_;
    mutable cv::dnn::Net network_;
    bool own_outputs_ = false;
    cv::Ptr<cv::FaceDetectorYN> detector_;
    mutable std::mutex mutex_;
};

}  // namespace lafs::inline LAFS_ABI
