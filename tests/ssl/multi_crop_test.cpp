#include <cmath>
#include <lafs/ssl/multi_crop.hpp>
#include <vector>

#include "catch.hpp"
#include "small_images.hpp"

using lafs::Image;
using lafs::MultiCrop;
using lafs::MultiCropOptions;
using lafs::RandomSequence;
using lafs_test::noise_image;

namespace {

std::vector<lafs::CropView> views(const MultiCropOptions& options, const Image& image,
                                  std::uint64_t stream = 0) {
    RandomSequence random(21, stream);
    return MultiCrop(options).views(image, random);
}

/// Small views without any change: whole image, no flip, nothing augmented.
MultiCropOptions unchanged(int size) {
    MultiCropOptions options;
    options.size = options.local_size = size;
    options.global_crop = options.local_crop = {1.0, 1.0, 1.0, 1.0};
    options.flip = 0;
    options.first_global = options.second_global = options.local = {0, 0, 0, 0};
    return options;
}

bool grey(const Image& image) {
    for (std::size_t i = 0; i < image.pixels.size(); i += 3)
        if (image.pixels[i] != image.pixels[i + 1] || image.pixels[i] != image.pixels[i + 2])
            return false;
    return true;
}

}  // namespace

TEST_CASE("multi-crop gives two global and the asked number of local views", "[ssl]") {
    const Image image = noise_image(90, 112);
    const auto all = views({}, image);
    REQUIRE(all.size() == 10);
    for (const auto& view : all) {
        CHECK(view.clean.width == 112);
        CHECK(view.clean.height == 112);
        CHECK(view.augmented.pixels.size() == view.clean.pixels.size());
    }
    MultiCropOptions fewer;
    fewer.local_views = 0;
    const auto globals = views(fewer, image);
    REQUIRE(globals.size() == 2);
    for (std::size_t i = 0; i < 2; ++i) {
        CHECK(globals[i].clean == all[i].clean);  // the number of local views does not touch the global ones
        CHECK(globals[i].augmented == all[i].augmented);
    }
    CHECK(all[0].clean != all[1].clean);
    CHECK(views({}, image)[9].augmented == all[9].augmented);
    CHECK(views({}, image, 1)[0].clean != all[0].clean);
}

TEST_CASE("local views of DINO show 5 to 40 percent at 48 pixels, those of LAFS 40 to 100 at 112", "[ssl]") {
    // A picture whose pixels tell their place: how much of it a view spans is read off its colours.
    Image place(250, 250);
    for (int y = 0; y < 250; ++y)
        for (int x = 0; x < 250; ++x) {
            place.at(x, y)[0] = static_cast<std::uint8_t>(x);
            place.at(x, y)[1] = static_cast<std::uint8_t>(y);
            place.at(x, y)[2] = 0;
        }
    const auto share = [&](const Image& view) {
        const int side = view.width, last = side - 1;
        // From the middle of the first pixel to that of the last.
        const double scale = static_cast<double>(side) / last / 250;
        return std::abs(int{view.at(last, side / 2)[0]} - int{view.at(0, side / 2)[0]}) * scale *
               std::abs(int{view.at(side / 2, last)[1]} - int{view.at(side / 2, 0)[1]}) * scale;
    };
    struct Range {
        double low = 9, high = 0;
        void add(double value) {
            low = std::min(low, value);
            high = std::max(high, value);
        }
    };
    for (const bool dino : {false, true}) {
        const MultiCropOptions options = dino ? lafs::dino_crops() : MultiCropOptions();
        Range global, local;
        for (std::uint64_t stream = 0; stream < 40; ++stream) {
            const auto all = views(options, place, stream);
            REQUIRE(all.size() == 10);
            for (std::size_t view = 0; view < all.size(); ++view) {
                CHECK(all[view].clean.width == (dino && view > 1 ? 48 : 112));
                CHECK(all[view].augmented.height == all[view].clean.width);
                (view < 2 ? global : local).add(share(all[view].clean));
            }
        }
        // Colours are whole numbers, crops whole pixels. Few crops of nearly all have a shape that fits.
        CHECK(global.low == Approx(0.4).margin(0.03));
        CHECK(global.high > 0.9);
        CHECK(local.low == Approx(dino ? 0.05 : 0.4).margin(0.02));
        if (dino)
            CHECK(local.high == Approx(0.4).margin(0.02));
        else
            CHECK(local.high > 0.9);
    }
}

TEST_CASE("each change of a view is the one asked for", "[ssl]") {
    const Image image = noise_image(16, 16);
    auto options = unchanged(16);
    for (const auto& view : views(options, image)) {
        CHECK(view.clean == image);
        CHECK(view.augmented == image);
    }
    options.flip = 1;
    CHECK(views(options, image)[4].clean == lafs::flip_horizontal(image));
    CHECK(views(options, image)[4].augmented == lafs::flip_horizontal(image));

    options = unchanged(16);
    options.smallest_blur = options.largest_blur = 1.25;
    options.first_global.blur = 1;
    options.second_global.solarize = 1;
    options.local.grayscale = 1;
    const auto changed = views(options, image);
    CHECK(changed[0].augmented == lafs::gaussian_blur(image, 1.25));
    CHECK(changed[1].augmented == lafs::solarize(image));
    for (std::size_t view = 2; view < 10; ++view)
        CHECK(changed[view].augmented == lafs::grayscale(image));

    options = unchanged(16);
    options.local.jitter = 1;
    options.jitter = {0.5, 0, 0, 0};
    CHECK(views(options, image)[0].augmented == image);
    CHECK(views(options, image)[2].augmented != image);
}

TEST_CASE("crops do not depend on what is done to their colours", "[ssl]") {
    const Image image = noise_image(64, 64);
    MultiCropOptions plain;
    plain.first_global = plain.second_global = plain.local = {0, 0, 0, 0};
    plain.jitter = {0, 0, 0, 0};
    const auto with = views({}, image), without = views(plain, image);
    for (std::size_t view = 0; view < with.size(); ++view) {
        CHECK(with[view].clean == without[view].clean);
        CHECK(without[view].augmented == without[view].clean);
    }
}

TEST_CASE("changes happen as often as published", "[ssl]") {
    const int count = 1500;
    const Image image = noise_image(12, 12);
    auto options = unchanged(12);
    options.local_views = 1;
    options.first_global = MultiCropOptions{}.first_global;
    options.second_global = MultiCropOptions{}.second_global;
    options.local = MultiCropOptions{}.local;
    options.flip = 0.5;
    // One kind of change at a time, seen as "the augmented picture differs".
    const auto frequency = [&](double lafs::ViewAugmentation::*kind, std::size_t view) {
        auto only = options;
        for (auto* chances : {&only.first_global, &only.second_global, &only.local}) {
            const double chance = chances->*kind;
            *chances = {0, 0, 0, 0};
            chances->*kind = chance;
        }
        int seen = 0;
        for (int i = 0; i < count; ++i) {
            const auto drawn = views(only, image, static_cast<std::uint64_t>(i));
            seen += drawn[view].augmented != drawn[view].clean;
        }
        return static_cast<double>(seen) / count;
    };
    const auto near = [&](double p) { return Approx(p).margin(5 * std::sqrt(p * (1 - p) / count) + 1e-9); };
    using Chances = lafs::ViewAugmentation;
    for (std::size_t view = 0; view < 3; ++view) {
        CHECK(frequency(&Chances::jitter, view) == near(0.8));
        CHECK(frequency(&Chances::grayscale, view) == near(0.2));
    }
    CHECK(frequency(&Chances::solarize, 0) == 0.0);
    CHECK(frequency(&Chances::solarize, 1) == near(0.2));
    CHECK(frequency(&Chances::solarize, 2) == 0.0);
    // Noise has no flat area, so that the smallest radius changes some byte too.
    CHECK(frequency(&Chances::blur, 0) == near(1.0));
    CHECK(frequency(&Chances::blur, 1) == near(0.1));
    CHECK(frequency(&Chances::blur, 2) == near(0.5));

    int flips = 0, greys = 0;
    for (int i = 0; i < count; ++i) {
        const auto drawn = views(options, image, static_cast<std::uint64_t>(i));
        flips += drawn[0].clean != image;
        greys += grey(drawn[0].augmented);
    }
    CHECK(static_cast<double>(flips) / count == near(0.5));
    CHECK(static_cast<double>(greys) / count == near(0.2));
}

TEST_CASE("views can be written as planes", "[ssl]") {
    const Image image = noise_image(20, 20);
    MultiCropOptions options;
    options.size = 8;
    options.local_size = 4;
    options.local_views = 1;
    const std::size_t size = 3 * 8 * 8;
    std::vector<float> memory(6 * size, 9.0f);
    std::vector<lafs::ViewPlanes> planes;
    for (std::size_t view = 0; view < 3; ++view) {
        const std::size_t own = view < 2 ? size : size / 4;
        planes.push_back({std::span(memory).subspan(2 * view * size, own),
                          std::span(memory).subspan((2 * view + 1) * size, own)});
    }
    RandomSequence random(21, 0);
    MultiCrop(options).write_views(image, random, planes);
    const auto all = views(options, image);
    for (std::size_t view = 0; view < 3; ++view) {
        std::vector<float> expected(planes[view].clean.size());
        lafs::to_planes(all[view].clean, expected);
        CHECK(std::equal(expected.begin(), expected.end(), planes[view].clean.begin()));
        lafs::to_planes(all[view].augmented, expected);
        CHECK(std::equal(expected.begin(), expected.end(), planes[view].augmented.begin()));
    }
    planes.pop_back();
    CHECK_THROWS_AS(MultiCrop(options).write_views(image, random, planes), lafs::Error);
}

TEST_CASE("options of multi-crop are checked", "[ssl]") {
    const auto refused = [](auto change) {
        MultiCropOptions options;
        change(options);
        CHECK_THROWS_AS(MultiCrop(options), lafs::Error);
    };
    refused([](auto& o) { o.size = 0; });
    refused([](auto& o) { o.local_views = -1; });
    refused([](auto& o) { o.flip = 1.5; });
    refused([](auto& o) { o.local.blur = -0.1; });
    refused([](auto& o) { o.smallest_blur = 3; });
    refused([](auto& o) { o.global_crop.smallest = 0; });
    refused([](auto& o) { o.local_crop.largest = 1.5; });
    refused([](auto& o) { o.local_size = 0; });
    refused([](auto& o) { o.jitter.hue = 0.7; });
    RandomSequence random(1, 1);
    CHECK_THROWS_AS(MultiCrop().views(Image(), random), lafs::Error);
}
