// OpenCV's codecs for images that the library does not read itself: WebP, TIFF, JPEG 2000, AVIF, as far as the
// installed OpenCV has them.
//
// Requires OpenCV (imgcodecs); lafs.hpp does not include this.
#pragma once

#include <climits>
#include <cstddef>
#include <exception>
#include <lafs/core/error.hpp>
#include <lafs/data/exif.hpp>
#include <lafs/data/foreign_images.hpp>
#include <lafs/data/image.hpp>
#include <lafs/data/orientation.hpp>
#include <opencv2/core/utils/logger.hpp>
#include <opencv2/imgcodecs.hpp>
#include <span>
#include <string>
#include <string_view>

namespace lafs::inline LAFS_ABI {

/// Decodes an image by OpenCV: 8 bits, transparency dropped, turned as its notes say. Throws for what this OpenCV
/// does not read.
inline Image decode_by_opencv(std::span<const std::byte> bytes) {
    require(!bytes.empty() && bytes.size() <= INT_MAX, "OpenCV", "got an image of ", bytes.size(),
            " bytes, expected 1 to 2^31 - 1");
    const std::string_view file(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    const bool webp_or_jpeg = file.starts_with("RIFF") || file.starts_with("\xFF\xD8");
    // OpenCV turns TIFF itself, but leaves WebP as it is.
    const int flags = webp_or_jpeg ? cv::IMREAD_COLOR | cv::IMREAD_IGNORE_ORIENTATION : cv::IMREAD_COLOR;
    cv::Mat pixels;
    try {
        const cv::Mat coded(1, static_cast<int>(bytes.size()), CV_8UC1,
                            const_cast<std::byte*>(bytes.data()));  // not written to
        pixels = cv::imdecode(coded, flags);
    } catch (const std::exception& error) {
        fail("OpenCV", error.what());
    }
    require(!pixels.empty() && pixels.type() == CV_8UC3, "OpenCV", CV_VERSION,
            " has no codec for it, or it is damaged");
    Image image(pixels.cols, pixels.rows);
    for (int y = 0; y < image.height; ++y) {
        const unsigned char* from = pixels.ptr(y);
        for (int x = 0; x < image.width; ++x, from += 3) {  // BGR to RGB
            std::uint8_t* to = image.at(x, y);
            to[0] = from[2];
            to[1] = from[1];
            to[2] = from[0];
        }
    }
    return oriented(std::move(image), webp_or_jpeg ? image_orientation(bytes) : 1);
}

/// From now on images that the library does not read itself are read by OpenCV. Not while another thread reads
/// images.
inline void use_opencv_codecs() {
    cv::utils::logging::setLogLevel(cv::utils::logging::LOG_LEVEL_SILENT);  // its errors are thrown as well
    set_image_codec("OpenCV " CV_VERSION, decode_by_opencv);
}

}  // namespace lafs::inline LAFS_ABI
