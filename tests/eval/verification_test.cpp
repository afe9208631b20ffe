#include <algorithm>
#include <cmath>
#include <cstdint>
#include <lafs/core/random.hpp>
#include <lafs/eval/verification.hpp>
#include <lafs/io/safetensors.hpp>
#include <limits>
#include <span>
#include <vector>

#include "catch.hpp"
#include "shared_data.hpp"

namespace {

struct Set {
    std::size_t dim;
    std::vector<double> embeddings;
    std::vector<std::uint8_t> same;

    lafs::VerificationResult verify(const lafs::VerificationOptions& options = {}) const {
        return lafs::verify(embeddings, dim, same, options);
    }
};

Set random_set(std::uint64_t seed, std::size_t pairs, std::size_t dim) {
    lafs::RandomSequence random(seed, 0);
    Set set{dim, {}, {}};
    for (std::size_t i = 0; i < pairs; ++i) {
        set.same.push_back(random.uniform() < 0.4);
        std::vector<double> first(dim);
        for (double& value : first)
            set.embeddings.push_back(value = random.normal());
        for (double value : first)
            set.embeddings.push_back((set.same.back() ? value : 0.0) + random.normal());
    }
    return set;
}

/// The protocol as its text reads, one pair and one threshold at a time.
struct PlainVerification {
    std::vector<double> distances, fold_accuracy, fold_thresholds, far, tar;

    PlainVerification(const Set& set, std::size_t folds) : far(400), tar(400) {
        const std::size_t pairs = set.same.size();
        for (std::size_t i = 0; i < pairs; ++i) {
            double aa = 0, bb = 0, ab = 0;
            for (std::size_t k = 0; k < set.dim; ++k) {
                const double a = set.embeddings[2 * i * set.dim + k],
                             b = set.embeddings[(2 * i + 1) * set.dim + k];
                aa += a * a, bb += b * b, ab += a * b;
            }
            distances.push_back(2.0 - 2.0 * ab / std::sqrt(aa * bb));
        }
        std::size_t begin = 0;
        for (std::size_t fold = 0; fold < folds; ++fold) {
            const std::size_t end = begin + pairs / folds + (fold < pairs % folds ? 1 : 0);
            int best = -1, best_threshold = 0;
            for (int t = 0; t < 400; ++t) {
                int right = 0;
                for (std::size_t i = 0; i < pairs; ++i)
                    right += (i < begin || i >= end) &&
                             (distances[i] < t * 0.01) == static_cast<bool>(set.same[i]);
                if (right > best)
                    best = right, best_threshold = t;
                double genuine = 0, genuine_total = 0, impostors = 0, impostors_total = 0;
                for (std::size_t i = begin; i < end; ++i) {
                    (set.same[i] ? genuine_total : impostors_total) += 1;
                    if (distances[i] < t * 0.01)
                        (set.same[i] ? genuine : impostors) += 1;
                }
                tar[static_cast<std::size_t>(t)] += genuine / genuine_total / static_cast<double>(folds);
                far[static_cast<std::size_t>(t)] += impostors / impostors_total / static_cast<double>(folds);
            }
            double right = 0;
            for (std::size_t i = begin; i < end; ++i)
                right += (distances[i] < best_threshold * 0.01) == static_cast<bool>(set.same[i]);
            fold_accuracy.push_back(right / static_cast<double>(end - begin));
            fold_thresholds.push_back(best_threshold * 0.01);
            begin = end;
        }
    }
};

double worst_difference(const std::vector<double>& a, const std::vector<double>& b) {
    REQUIRE(a.size() == b.size());
    double worst = 0.0;
    for (std::size_t i = 0; i < a.size(); ++i)
        worst = std::max(worst, std::abs(a[i] - b[i]));
    return worst;
}

}  // namespace

TEST_CASE("four pairs and two folds, by hand", "[eval]") {
    // Distances: genuine 0 and 2 (a right angle), impostors 4 (opposite) and 2.
    const std::vector<float> embeddings = {1, 0, 2, 0, /**/ 1, 0, -1, 0, /**/ 1, 0, 0, 3, /**/ 0, 1, 1, 0};
    const std::vector<std::uint8_t> same = {1, 0, 1, 0};
    lafs::VerificationOptions options;
    options.folds = 2;
    options.far = {0.0, 1.0};
    const lafs::VerificationResult result = lafs::verify(embeddings, 2, same, options);
    CHECK(lafs::pair_distances(std::span(embeddings), 2) == std::vector<double>{0.0, 4.0, 2.0, 2.0});
    // Fold 1 learns from {2 same, 2 different}: one of two right at any threshold, so the first, 0:
    // nothing is the same, one of two right.
    // Fold 2 learns from {0 same, 4 different}: 0.01 is the first with two right.
    CHECK(result.fold_thresholds == std::vector<double>{0.0, 0.01});
    CHECK(result.fold_accuracy == std::vector<double>{0.5, 0.5});
    CHECK(result.accuracy == 0.5);
    CHECK(result.accuracy_std == 0.0);
    CHECK(result.best_threshold == Approx(0.005));
    CHECK(result.pairs == 4);
    CHECK(result.one_class_folds == 0);
    CHECK(result.roc.far[201] == 0.5);  // fold 1: 0 of 1, fold 2: 1 of 1
    CHECK(result.roc.tar[1] == 0.5);
    CHECK(result.roc.tar[200] == 0.5);  // strictly smaller
    CHECK(result.roc.tar[201] == 1.0);
    CHECK(result.tar_at_far[0].tar == 0.5);
    CHECK(result.tar_at_far[1].tar == 1.0);  // the largest FAR is 0.5: a distance of 4 is never accepted
}

TEST_CASE("verification agrees with the protocol taken literally", "[eval]") {
    for (const std::size_t pairs : {std::size_t{100}, std::size_t{137}}) {
        const Set set = random_set(pairs, pairs, 5);
        const PlainVerification plain(set, 10);
        const lafs::VerificationResult result = set.verify();
        CHECK(worst_difference(lafs::pair_distances(std::span<const double>(set.embeddings), set.dim),
                               plain.distances) < 1e-12);
        CHECK(worst_difference(result.fold_accuracy, plain.fold_accuracy) < 1e-15);
        CHECK(worst_difference(result.fold_thresholds, plain.fold_thresholds) < 1e-15);
        CHECK(worst_difference(result.roc.far, plain.far) < 1e-12);
        CHECK(worst_difference(result.roc.tar, plain.tar) < 1e-12);
        double mean = 0, square = 0;
        for (double accuracy : plain.fold_accuracy)
            mean += accuracy / 10, square += accuracy * accuracy / 10;
        CHECK(result.accuracy == Approx(mean).epsilon(1e-12));
        CHECK(result.accuracy_std == Approx(std::sqrt(square - mean * mean)).epsilon(1e-9));
    }
}

TEST_CASE("the length of embeddings does not matter, float is enough", "[eval]") {
    Set set = random_set(7, 60, 8);
    const lafs::VerificationResult expected = set.verify();
    for (std::size_t i = 0; i < set.embeddings.size(); ++i)
        set.embeddings[i] *= static_cast<double>(1 << (i / set.dim % 5));  // exact
    CHECK(set.verify().roc.tar == expected.roc.tar);
    const std::vector<float> single(set.embeddings.begin(), set.embeddings.end());
    CHECK(lafs::verify(std::span<const float>(single), set.dim, set.same).accuracy == expected.accuracy);
}

TEST_CASE("folds of one class are counted", "[eval]") {
    Set set = random_set(3, 40, 4);
    for (std::size_t i = 0; i < 40; ++i)
        set.same[i] = i < 20;
    CHECK(set.verify().one_class_folds == 10);
}

TEST_CASE("images and mirrors are added", "[eval]") {
    const std::vector<float> image = {1, 2}, mirror = {3, 5};
    CHECK(lafs::add_mirrored(image, std::span(mirror)) == std::vector<double>{4, 7});
    CHECK_THROWS_AS(
        lafs::add_mirrored(std::span<const float>(image), std::span<const float>(mirror).first(1)),
        lafs::Error);
}

TEST_CASE("verification refuses what it cannot measure", "[eval]") {
    Set set = random_set(1, 20, 4);
    SECTION("an odd number of rows") {
        set.embeddings.resize(39 * 4);
        CHECK_THROWS_AS(set.verify(), lafs::Error);
    }
    SECTION("NaN") {
        set.embeddings[5] = std::numeric_limits<double>::quiet_NaN();
        CHECK_THROWS_AS(set.verify(), lafs::Error);
    }
    SECTION("a zero vector") {
        std::fill_n(set.embeddings.begin() + 8, 4, 0.0);
        CHECK_THROWS_AS(set.verify(), lafs::Error);
    }
    SECTION("labels for other pairs") {
        set.same.push_back(1);
        CHECK_THROWS_AS(set.verify(), lafs::Error);
    }
    SECTION("fewer pairs than folds") {
        set.same.resize(9);
        set.embeddings.resize(18 * 4);
        CHECK_THROWS_AS(set.verify(), lafs::Error);
    }
    SECTION("one class") {
        std::fill(set.same.begin(), set.same.end(), std::uint8_t{1});
        CHECK_THROWS_AS(set.verify(), lafs::Error);
    }
    SECTION("one fold, no thresholds") {
        lafs::VerificationOptions options;
        options.folds = 1;
        CHECK_THROWS_AS(set.verify(options), lafs::Error);
        options.folds = 10;
        options.thresholds = 0;
        CHECK_THROWS_AS(set.verify(options), lafs::Error);
    }
}

TEST_CASE("verification agrees with the published implementation", "[eval]") {
    const auto path = lafs_test::shared("reference/09_verification.safetensors");
    if (!path)
        return;
    const auto file = lafs::SafetensorsFile::open(*path);
    const Set set{static_cast<std::size_t>(file.info("embeddings").shape[1]), file.read<double>("embeddings"),
                  file.read<std::uint8_t>("issame")};
    lafs::VerificationOptions options;
    options.far = file.read<double>("far");
    const lafs::VerificationResult result = set.verify(options);
    CHECK(worst_difference(result.fold_accuracy, file.read<double>("accuracy")) < 1e-12);
    CHECK(worst_difference(result.fold_thresholds, file.read<double>("best_thresholds")) < 1e-12);
    CHECK(worst_difference(result.roc.thresholds, file.read<double>("thresholds")) < 1e-12);
    CHECK(worst_difference(result.roc.far, file.read<double>("fpr")) < 1e-12);
    CHECK(worst_difference(result.roc.tar, file.read<double>("tpr")) < 1e-12);
    const std::vector<double> tar = file.read<double>("tar");
    for (std::size_t i = 0; i < tar.size(); ++i)
        CHECK(std::abs(result.tar_at_far[i].tar - tar[i]) < 1e-12);
}
