// OpenCV's codecs for images that the library does not read itself: WebP, TIFF, JPEG 2000, AVIF, as far as the
// installed OpenCV has them.
//
// Requires OpenCV (imgcodecs); lafs.hpp does not include this.
#pragma once

#include <climits>
#include <cstddef>
#include <cstdint>
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
#include <utility>

namespace lafs::inline LAFS_ABI {

namespace detail {

/// Whether an AVIF file has boxes that turn (irot) or mirror (imir) its picture (ISO 23008-12, 6.5.10 and 6.5.12).
inline bool is_turned_avif(std::string_view file) {
    if (file.size() < 12 || file.substr(4, 7) != "ftypavi")
        return false;
    const std::string_view boxes = file.substr(0, file.find("mdat"));
    const std::size_t turn = boxes.find("irot");
    return boxes.find("imir") != std::string_view::npos ||
           (turn != std::string_view::npos && turn + 4 < boxes.size() && (boxes[turn + 4] & 3) != 0);
}

}  // namespace detail

/// Decodes an image by OpenCV: 8 bits, transparency dropped, turned as its notes say. Throws for what this OpenCV
/// does not read.
inline Image decode_by_opencv(std::span<const std::byte> bytes) {
    require(!bytes.empty() && bytes.size() <= INT_MAX, "OpenCV", "got an image of ", bytes.size(),
            " bytes, expected 1 to 2^31 - 1");
    const std::string_view file(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    require(!detail::is_turned_avif(file), "OpenCV", CV_VERSION,
            " does not turn AVIF images that say how they are to be turned");
    const bool tiff = file.starts_with("II") || file.starts_with("MM");  // OpenCV turns these itself
    const int flags = tiff ? cv::IMREAD_COLOR : cv::IMREAD_COLOR | cv::IMREAD_IGNORE_ORIENTATION;
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
    return oriented(std::move(image), image_orientation(bytes));
}

/// From now on images that the library does not read itself are read by OpenCV. Not while another thread reads
/// images.
inline void use_opencv_codecs() {
    cv::utils::logging::setLogLevel(cv::utils::logging::LOG_LEVEL_SILENT);  // its errors are thrown as well
    set_image_codec("OpenCV " CV_VERSION, decode_by_opencv);
}

}  // namespace lafs::inline LAFS_ABI
