// 14: every image operation with fixed parameters, which the tensors' names hold. Errors are bytes: the mean
// difference, and the 99th percentile.
#include <algorithm>
#include <cmath>
#include <functional>
#include <lafs/data/affine.hpp>
#include <lafs/data/blur.hpp>
#include <lafs/data/colour_ops.hpp>
#include <lafs/data/tone_ops.hpp>
#include <map>
#include <set>

#include "../reference_image.hpp"
#include "cases.hpp"

namespace lafs_reference {

namespace {

using lafs::Image, lafs::Filter;

/// "rotate(degrees=6,bilinear,fill=128)": a name, then words, named numbers, and at most one without a name.
struct Operation {
    std::string name;
    std::map<std::string, double> numbers;
    std::set<std::string> words;

    explicit Operation(const std::string& text) : name(text.substr(0, text.find('('))) {
        if (name.size() == text.size())
            return;
        std::istringstream parameters(text.substr(name.size() + 1, text.size() - name.size() - 2));
        for (std::string part; std::getline(parameters, part, ',');) {
            const std::size_t equals = part.find('=');
            const std::string key = equals == std::string::npos ? "" : part.substr(0, equals);
            const std::string value = equals == std::string::npos ? part : part.substr(equals + 1);
            char* end = nullptr;
            const double number = std::strtod(value.c_str(), &end);
            if (*end == 0)
                numbers[key] = number;
            else
                words.insert(part);
        }
    }

    double number(const std::string& key = "") const { return numbers.at(key); }
    int whole(const std::string& key = "") const { return static_cast<int>(number(key)); }
    std::uint8_t fill() const { return static_cast<std::uint8_t>(whole("fill")); }
    Filter filter() const { return words.count("bicubic") ? Filter::bicubic : Filter::bilinear; }
};

using Run = std::function<Image(const Image&, const Operation&, int width, int height)>;

Run crop(Filter filter) {
    return [filter](const Image& image, const Operation& op, int width, int height) {
        const lafs::Box box{op.whole("left"), op.whole("top"), op.whole("width"), op.whole("height")};
        return lafs::resized_crop(image, box, width, height, filter);
    };
}

/// Operations with a number, without one, and those that move pixels.
Run with_number(Image (*run)(Image, double)) {
    return [run](const Image& image, const Operation& op, int, int) { return run(image, op.number()); };
}
Run plain(Image (*run)(Image)) {
    return [run](const Image& image, const Operation&, int, int) { return run(image); };
}
Run moved(Image (*run)(const Image&, double, Filter, std::uint8_t), const char* key = "") {
    return [run, key](const Image& image, const Operation& op, int, int) {
        return run(image, op.number(key), op.filter(), op.fill());
    };
}

const std::map<std::string, Run>& runs() {
    static const std::map<std::string, Run> all = {
        {"resized_crop_bicubic", crop(Filter::bicubic)},
        {"resized_crop_bilinear", crop(Filter::bilinear)},
        {"hflip", plain([](Image image) { return lafs::flip_horizontal(image); })},
        {"brightness", with_number(lafs::adjust_brightness)},
        {"contrast", with_number(lafs::adjust_contrast)},
        {"saturation", with_number(lafs::adjust_saturation)},
        {"hue", with_number(lafs::adjust_hue)},
        {"sharpness", with_number([](Image image, double x) { return lafs::adjust_sharpness(image, x); })},
        {"grayscale", plain(lafs::grayscale)},
        {"gaussian_blur", [](const Image& image, const Operation& op, int,
                             int) { return lafs::gaussian_blur(image, op.number("radius")); }},
        {"solarize",
         with_number([](Image image, double x) { return lafs::solarize(image, static_cast<int>(x)); })},
        {"posterize",
         with_number([](Image image, double x) { return lafs::posterize(image, static_cast<int>(x)); })},
        {"autocontrast", plain(lafs::autocontrast)},
        {"equalize", plain(lafs::equalize)},
        {"invert", plain(lafs::invert)},
        {"rotate", moved(lafs::rotate, "degrees")},
        {"shear_x", moved(lafs::shear_x)},
        {"shear_y", moved(lafs::shear_y)},
        {"translate_x", moved(lafs::translate_x, "pixels")},
        {"translate_y", moved(lafs::translate_y, "pixels")}};
    return all;
}

void compare_images(Report& report, const std::string& name, const Image& got, const Image& expected,
                    bool exact) {
    std::vector<int> difference;
    double sum = 0;
    for (std::size_t i = 0; i < expected.pixels.size(); ++i) {
        difference.push_back(std::abs(int{got.pixels.at(i)} - int{expected.pixels[i]}));
        sum += difference.back();
    }
    report.bound(name + ", mean", sum / static_cast<double>(difference.size()), exact ? 0.0 : 1.0);
    const auto place = difference.begin() + static_cast<std::ptrdiff_t>((difference.size() - 1) * 99 / 100);
    std::nth_element(difference.begin(), place, difference.end());
    report.bound(name + ", 99th percentile", *place, exact ? 0.0 : 4.0);
}

}  // namespace

void check_augmentations(const std::filesystem::path& path, Report& report) {
    const auto file = lafs::SafetensorsFile::open(path);
    const Image input = lafs_test::reference_image(file, "input");
    const std::set<std::string> exact = {"hflip", "grayscale", "solarize", "invert", "posterize"};
    for (const std::string& name : file.names()) {
        if (name == "input")
            continue;
        const Operation operation(name);
        const auto run = runs().find(operation.name);
        if (run == runs().end()) {
            report.check(name, false, "no operation of this name");
            continue;
        }
        const Image expected = lafs_test::reference_image(file, name);
        const Image got = run->second(input, operation, expected.width, expected.height);
        compare_images(report, name, got, expected, exact.count(operation.name) > 0);
    }
}

}  // namespace lafs_reference
