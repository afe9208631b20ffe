// What happens to one face of a supervised batch.
#include <algorithm>
#include <cmath>
#include <lafs/data/loader.hpp>
#include <lafs/train/face_batches.hpp>
#include <lafs/train/view_batches.hpp>
#include <memory>
#include <vector>

#include "catch.hpp"

namespace {

lafs::Image gradient() {
    lafs::Image image(lafs::face_size, lafs::face_size);
    for (int y = 0; y < image.height; ++y)
        for (int x = 0; x < image.width; ++x) {
            image.at(x, y)[0] = static_cast<std::uint8_t>(2 * x + 1);
            image.at(x, y)[1] = static_cast<std::uint8_t>(2 * y + 1);
            image.at(x, y)[2] = 255;
        }
    return image;
}

std::vector<float> prepared(const lafs::FaceAugmentation& augmentation, std::uint64_t stream,
                            const lafs::Image& image = gradient()) {
    std::vector<float> planes(3 * lafs::face_size * lafs::face_size);
    lafs::RandomSequence random(9, stream);
    lafs::prepare_face(image, augmentation, random, planes);
    return planes;
}

bool mirrored(const std::vector<float>& planes) {
    return planes[0] > planes[lafs::face_size - 1];
}

/// Synthetic faces of which some cannot be read.
class Damaged final : public lafs::FaceSource {
public:
    explicit Damaged(std::vector<std::int64_t> bad) : bad_(std::move(bad)) {}
    std::int64_t size() const override { return faces_.size(); }
    std::int64_t identities() const override { return faces_.identities(); }
    std::int64_t label(std::int64_t i) const override { return faces_.label(i); }
    std::string name(std::int64_t i) const override { return faces_.name(i); }
    lafs::Image image(std::int64_t i) const override {
        lafs::require(std::find(bad_.begin(), bad_.end(), i) == bad_.end(), "decode image", "no image");
        return faces_.image(i);
    }

private:
    lafs::SyntheticSource faces_{lafs::SyntheticFaces(7, 2)};
    std::vector<std::int64_t> bad_;
};

constexpr lafs::FaceAugmentation everything{true, 0.9, 0.5, 2, 0.1};

lafs::FaceBatches face_batches(std::vector<std::int64_t> bad, std::int64_t pieces, bool skip) {
    const auto source = std::make_shared<Damaged>(std::move(bad));
    return {source, lafs::EpochSampler(source->size(), 5, 3), everything, 8, pieces, skip};
}

/// All values of the batches of a few epochs.
std::vector<float> all_faces(int workers, std::int64_t from) {
    lafs::Loader<lafs::FaceBatches> loader(face_batches({4, 5}, 2, true), workers, 8);
    std::vector<float> values;
    for (std::int64_t number = from; number < 8; ++number) {
        const lafs::FaceBatch batch = loader.get(number);
        const auto images = batch.images.span();
        values.insert(values.end(), images.begin(), images.end());
        for (const std::int64_t label : batch.labels.span())
            values.push_back(static_cast<float>(label));
    }
    return values;
}

}  // namespace

TEST_CASE("faces are mirrored half of the time, whatever else is done", "[train]") {
    int mirrors = 0;
    for (std::uint64_t stream = 0; stream < 400; ++stream) {
        const bool mirror = mirrored(prepared({true, 1, 0}, stream));
        mirrors += mirror;
        CHECK(mirrored(prepared({true, 0.9, 0}, stream)) == mirror);
        CHECK_FALSE(mirrored(prepared({false, 1, 0}, stream)));
    }
    CHECK(mirrors > 150);
    CHECK(mirrors < 250);
}

TEST_CASE("erasing leaves a black rectangle of 2 to 10 percent: byte 0, -1 normalised", "[train]") {
    for (std::uint64_t stream = 0; stream < 50; ++stream) {
        const auto plain = prepared({true, 1, 0}, stream), erased = prepared({true, 1, 1}, stream);
        const std::size_t plane = lafs::face_size * lafs::face_size;
        int changed = 0;
        for (std::size_t i = 0; i < plane; ++i)  // the blue plane is 1 where nothing is erased
            if (erased[2 * plane + i] != plain[2 * plane + i]) {
                ++changed;
                CHECK(erased[2 * plane + i] == -1.0f);
            }
        CHECK(changed > 0.018 * static_cast<double>(plane));
        CHECK(changed < 0.104 * static_cast<double>(plane));
    }
}

TEST_CASE("the mirror comes first: what follows does not know of it", "[train]") {
    const lafs::FaceAugmentation flipping{true, 0.9, 0.5, 2, 0.1}, still{false, 0.9, 0.5, 2, 0.1};
    int mirrors = 0;
    for (std::uint64_t stream = 0; stream < 40; ++stream) {
        const bool mirror = mirrored(prepared({true, 1, 0}, stream));
        mirrors += mirror;
        const lafs::Image start = mirror ? lafs::flip_horizontal(gradient()) : gradient();
        CHECK(prepared(flipping, stream) == prepared(still, stream, start));
    }
    CHECK(mirrors > 8);
    CHECK(mirrors < 32);
}

TEST_CASE("crops are bilinear: nothing is brighter or darker than the picture", "[train]") {
    lafs::Image stripes(lafs::face_size, lafs::face_size);
    for (std::size_t i = 0; i < stripes.pixels.size(); ++i)
        stripes.pixels[i] = i / 3 % 8 < 4 ? 60 : 200;
    for (std::uint64_t stream = 0; stream < 10; ++stream) {
        const auto values = prepared({false, 0.9, 0}, stream, stripes);
        const auto [low, high] = std::minmax_element(values.begin(), values.end());
        CHECK(*low >= (60 / 255.0f - 0.5f) / 0.5f);
        CHECK(*high <= (200 / 255.0f - 0.5f) / 0.5f);
    }
}

TEST_CASE("RandAugment and colour jitter change what they name and nothing else", "[train]") {
    int augmented = 0, jittered = 0;
    for (std::uint64_t stream = 0; stream < 60; ++stream) {
        const auto plain = prepared({true, 1, 0}, stream);
        const auto rand = prepared({true, 1, 0, 2, 0}, stream),
                   colour = prepared({true, 1, 0, 0, 0.1}, stream);
        augmented += rand != plain;
        jittered += colour != plain;
        // The same rectangle is erased with and without them.
        const auto erased = prepared({true, 1, 1, 0, 0}, stream),
                   both = prepared({true, 1, 1, 2, 0.1}, stream);
        for (std::size_t i = 0; i < plain.size(); ++i)
            if (erased[i] == -1.0f && plain[i] > -1.0f)
                REQUIRE(both[i] == -1.0f);
    }
    CHECK(augmented > 35);  // three quarters: two operations of probability one half
    CHECK(augmented < 55);
    CHECK(jittered == 60);
    CHECK_THROWS_AS(lafs::check_augmentation({true, 1, 0, 11}), lafs::Error);
    CHECK_THROWS_AS(lafs::check_augmentation({true, 1, 0, 0, 0.6}), lafs::Error);
    CHECK_THROWS_AS(lafs::check_augmentation({true, 1.5}), lafs::Error);
}

TEST_CASE("batches of faces are the same for any number of workers, from any step on", "[train]") {
    const auto expected = all_faces(0, 0);
    CHECK(all_faces(1, 0) == expected);
    CHECK(all_faces(4, 0) == expected);
    const auto rest = all_faces(4, 3);
    CHECK(std::equal(rest.begin(), rest.end(), expected.end() - std::ssize(rest)));
}

TEST_CASE("pieces of a step are its faces, each once, with their labels", "[train]") {
    lafs::EpochSampler sampler(14, 5, 3);
    lafs::Loader<lafs::FaceBatches> loader(face_batches({}, 2, false), 0, 4);
    for (std::int64_t step = 0; step < 2; ++step) {
        std::vector<std::int64_t> seen;
        for (std::int64_t piece = 0; piece < 2; ++piece) {
            const lafs::FaceBatch batch = loader.get(2 * step + piece);
            CHECK(batch.images.shape(0) == 2 + piece);
            for (std::int64_t place = 0; place < batch.reads.size(); ++place) {
                seen.push_back(batch.reads.index(place));
                CHECK(batch.labels.data()[place] == seen.back() / 2);
            }
        }
        const auto expected = sampler.indices(step);
        CHECK(seen == std::vector(expected.begin(), expected.end()));
    }
}

TEST_CASE("a damaged face is replaced with its label, or ends the batch", "[train]") {
    for (const int workers : {0, 2}) {
        lafs::Loader<lafs::FaceBatches> skipping(face_batches({4, 5}, 1, true), workers, 2);
        lafs::Loader<lafs::FaceBatches> strict(face_batches({4, 5}, 1, false), workers, 2);
        lafs::DamageList met;
        int refused = 0;
        for (std::int64_t step = 0; step < 2; ++step) {
            const lafs::FaceBatch batch = skipping.get(step);
            for (std::int64_t place = 0; place < 5; ++place) {
                CHECK(batch.reads.index(place) != 4);
                CHECK(batch.reads.index(place) != 5);
                CHECK(batch.labels.data()[place] == batch.reads.index(place) / 2);
            }
            const bool damaged = !met.add(batch.reads).empty();
            try {
                strict.get(step);
            } catch (const lafs::Error& error) {
                ++refused;
                CHECK(std::string(error.what()).find("cannot be read") != std::string::npos);
            }
            CHECK((refused == step + 1 || !damaged));
        }
        CHECK(met.size() == 2);
    }
}

TEST_CASE("pictures of views are the same for any number of workers", "[train]") {
    const auto pictures = [](int workers) {
        const auto source = std::make_shared<Damaged>(std::vector<std::int64_t>{2});
        lafs::MultiCropOptions options;
        options.size = 16;
        options.local_size = 8;
        options.local_views = 1;
        lafs::Loader<lafs::ViewBatches> loader(
            {source, lafs::EpochSampler(source->size(), 3, 1), lafs::MultiCrop(options), 5, true}, workers,
            6);
        std::vector<float> values;
        for (std::int64_t step = 0; step < 6; ++step) {
            const lafs::ViewBatch batch = loader.get(step);
            REQUIRE(batch.global.clean.shape() == lafs::Shape{6, 3, 16, 16});
            REQUIRE(batch.local.clean.shape() == lafs::Shape{3, 3, 8, 8});
            for (const auto& tensor :
                 {batch.global.clean, batch.global.augmented, batch.local.clean, batch.local.augmented})
                values.insert(values.end(), tensor.span().begin(), tensor.span().end());
        }
        return values;
    };
    const auto expected = pictures(0);
    CHECK(pictures(3) == expected);
    CHECK(std::all_of(expected.begin(), expected.end(), [](float x) { return std::abs(x) <= 1; }));
}
