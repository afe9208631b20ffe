// What all programs that read images offer: limits of their size, and OpenCV's codecs where the program is built with
// OpenCV.
#pragma once

#include <cstdint>
#include <lafs/data/image_limits.hpp>
#include <string>

#if __has_include(<opencv2/imgcodecs.hpp>)
#include <lafs/data/opencv_codec.hpp>
#endif

/// Adds --max-pixels to a command line, of CLI11 or our own, and lets OpenCV read what the library does not.
template <class App>
void add_image_options(App& app) {
#if __has_include(<opencv2/imgcodecs.hpp>)
    lafs::use_opencv_codecs();
#endif
    const std::string
        name = "--max-pixels",
        help =
            "Largest image that is decoded, in pixels; without it 67108864, and 20000000 or 20 for each "
            "byte of its file, whichever is more";
    if constexpr (requires { app.option(name, lafs::set_max_image_pixels, help); })
        app.option(name, lafs::set_max_image_pixels, help);
    else
        app.template add_option_function<std::int64_t>(name, lafs::set_max_image_pixels, help)
            ->check([](const std::string& text) {
                return text.find_first_not_of("0123456789") == std::string::npos &&
                               text.find_first_not_of('0') != std::string::npos
                           ? ""
                           : "expected a positive number";
            });
}
