#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <lafs/core/random.hpp>
#include <lafs/core/threads.hpp>
#include <lafs/eval/identification.hpp>
#include <map>
#include <string>
#include <vector>

#include "catch.hpp"
#include "temporary_folder.hpp"

namespace {

using Numbers = std::vector<std::int64_t>;

/// Templates on the unit circle, by angle in degrees: the score of two is the cosine of their difference.
lafs::TemplateFeatures circle(const std::map<std::int64_t, double>& degrees) {
    lafs::TemplateFeatures features;
    features.dim = 2;
    for (const auto& [number, angle] : degrees) {
        features.templates.push_back(number);
        features.features.push_back(std::cos(angle * M_PI / 180.0));
        features.features.push_back(std::sin(angle * M_PI / 180.0));
    }
    return features;
}

double cosine(double degrees) {
    return std::cos(degrees * M_PI / 180.0);
}

struct List {
    std::string name;
    Numbers templates, subjects;

    operator lafs::IdentificationList() const { return {name, templates, subjects}; }
};

struct Example {
    lafs::TemplateFeatures features;
    std::vector<List> galleries;
    List probes;
    lafs::IdentificationOptions options = {};

    lafs::Identification run() const {
        const std::vector<lafs::IdentificationList> lists(galleries.begin(), galleries.end());
        return lafs::identify(features, lists, probes, options);
    }
};

/// Gallery G1: subjects 1 at 0 degrees, 2 at 90. G2: subject 3 at 180.
/// Probes: subject 1 at 10 and at 60 (nearer to 2), subject 2 at 100, subject 3 at 150, a stranger at 240.
Example small_example() {
    return {circle({{1, 0}, {2, 90}, {3, 180}, {11, 10}, {12, 60}, {13, 100}, {14, 150}, {15, 240}}),
            {{"G1", {1, 2}, {1, 2}}, {"G2", {3}, {3}}},
            {"probes", {11, 12, 13, 14, 15}, {1, 1, 2, 3, 9}},
            {{0.4, 0.8}, {1, 2}}};
}

/// The definitions written down anew: a full matrix of scores, sorted.
struct BruteForce {
    explicit BruteForce(const Example& e) : example(e) {}

    double score(std::int64_t a, std::int64_t b) const {
        return lafs::pairwise_dot(example.features.of(a), example.features.of(b));
    }

    struct Outcome {
        double mate = -9;
        bool mated = false;
        std::vector<double> impostors;  // falling
        bool first() const { return impostors.empty() || mate > impostors.front(); }
        long rank() const {
            return 1 + std::count_if(impostors.begin(), impostors.end(), [&](double s) { return s >= mate; });
        }
    };

    std::vector<Outcome> outcomes(const std::vector<List>& lists) const {
        std::vector<Outcome> result;
        for (std::size_t p = 0; p < example.probes.templates.size(); ++p) {
            Outcome outcome;
            for (const List& list : lists)
                for (std::size_t g = 0; g < list.templates.size(); ++g) {
                    const double s = score(example.probes.templates[p], list.templates[g]);
                    if (list.subjects[g] == example.probes.subjects[p]) {
                        outcome.mate = std::max(outcome.mate, s);
                        outcome.mated = true;
                    } else {
                        outcome.impostors.push_back(s);
                    }
                }
            std::sort(outcome.impostors.begin(), outcome.impostors.end(), std::greater<>());
            result.push_back(outcome);
        }
        return result;
    }

    double pooled(double fpir, bool maxima) const {
        const auto all = outcomes(example.galleries);
        std::vector<double> impostors;
        for (const Outcome& o : all)
            impostors.insert(impostors.end(), o.impostors.begin(),
                             maxima ? o.impostors.begin() + 1 : o.impostors.end());
        std::sort(impostors.begin(), impostors.end(), std::greater<>());
        const double threshold =
            impostors[static_cast<std::size_t>(std::ceil(fpir * static_cast<double>(all.size()))) - 1];
        double accepted = 0, mated = 0;
        for (const Outcome& o : all) {
            mated += o.mated;
            accepted += o.mated && o.mate > threshold;
        }
        return accepted / mated;
    }

    double in_gallery(const List& gallery, double fpir) const {
        const auto all = outcomes({gallery});
        std::vector<double> maxima;
        for (const Outcome& o : all)
            if (!o.mated)
                maxima.push_back(o.impostors.front());
        std::sort(maxima.begin(), maxima.end(), std::greater<>());
        const double threshold =
            maxima[static_cast<std::size_t>(std::ceil(fpir * static_cast<double>(maxima.size()))) - 1];
        double accepted = 0, mated = 0;
        for (const Outcome& o : all) {
            mated += o.mated;
            accepted += o.mated && o.first() && o.mate > threshold;
        }
        return accepted / mated;
    }

    double rank(const std::vector<List>& lists, long most) const {
        double found = 0, mated = 0;
        for (const Outcome& o : outcomes(lists)) {
            mated += o.mated;
            found += o.mated && o.rank() <= most;
        }
        return found / mated;
    }

    const Example& example;
};

/// Random templates: 40 subjects in two galleries (some with two templates), 150 probes, some strangers.
Example random_example(std::uint64_t seed) {
    constexpr std::size_t dim = 5;
    lafs::RandomSequence random(seed, 0);
    Example example;
    example.galleries = {{"A", {}, {}}, {"B", {}, {}}};
    example.features.dim = dim;
    std::map<std::int64_t, std::vector<double>> centre;
    const auto add = [&](std::int64_t subject) {
        std::vector<double>& mean = centre[subject];
        while (mean.size() < dim)
            mean.push_back(random.normal(0.0));
        std::vector<double> row;
        for (const double m : mean)
            row.push_back(m + random.normal(0.0) * 0.6);
        lafs::normalise_rows("test", row, dim);
        example.features.templates.push_back(
            static_cast<std::int64_t>(example.features.templates.size()) * 3 + 5);
        example.features.features.insert(example.features.features.end(), row.begin(), row.end());
        return example.features.templates.back();
    };
    for (std::int64_t subject = 0; subject < 40; ++subject)
        for (int copy = 0; copy < (subject % 7 == 0 ? 2 : 1); ++copy) {
            List& gallery = example.galleries[subject % 3 == 0];
            gallery.templates.push_back(add(100 - subject));
            gallery.subjects.push_back(100 - subject);
        }
    for (int probe = 0; probe < 150; ++probe) {
        const std::int64_t subject =
            55 + static_cast<std::int64_t>(random.integer(46));  // below 61: strangers
        example.probes.templates.push_back(add(subject));
        example.probes.subjects.push_back(subject);
    }
    example.options.fpir = {0.01, 0.1, 0.5};
    return example;
}

}  // namespace

TEST_CASE("1:N by hand", "[eval]") {
    const lafs::Identification result = small_example().run();
    SECTION("pooled: the k-th largest impostor pair of all") {
        // Impostor pairs, angles from below: probe 12 to 2: 30; 14 to 2: 60; 15 to 3: 60; 13 to 3: 80; ...
        // FPIR 0.4 of 5 probes: the 2nd, cos 60; mates: 10, 60, 10, 30 degrees: the mate at 60 is not above.
        CHECK(result.pooled.name == "pooled");
        CHECK(result.pooled.gallery_templates == 3);
        CHECK(result.pooled.probes == 5);
        CHECK(result.pooled.mated == 4);
        CHECK(*result.pooled.tpir[0].threshold == Approx(cosine(60)));
        CHECK(*result.pooled.tpir[0].tpir == 0.75);
        CHECK(*result.pooled.tpir[1].threshold == Approx(cosine(80)));  // the 4th: 13 to 3, 11 to 2
        CHECK(*result.pooled.tpir[1].tpir == 1.0);
    }
    SECTION("pooled, one impostor score of each probe") {
        // Maxima: 80 (11), 30 (12), 80 (13), 60 (14), 60 (15) degrees.
        CHECK(*result.pooled_maxima.tpir[0].threshold == Approx(cosine(60)));
        CHECK(*result.pooled_maxima.tpir[1].threshold == Approx(cosine(80)));
    }
    SECTION("per gallery: probes without a mate in it give the threshold, and the mate has to be first") {
        // G1: strangers 14 (60 degrees to 2), 15 (120 to 1): of two, FPIR 0.4 is the first, 0.8 the second.
        // Mated 11 (10), 12 (60, but second), 13 (10).
        REQUIRE(result.galleries.size() == 2);
        const auto& g1 = result.galleries[0];
        CHECK(g1.name == "G1");
        CHECK(g1.mated == 3);
        CHECK(*g1.tpir[0].threshold == Approx(cosine(60)));
        CHECK(*g1.tpir[0].tpir == Approx(2.0 / 3.0));
        CHECK(*g1.tpir[1].threshold == Approx(cosine(120)));
        CHECK(*g1.tpir[1].tpir == Approx(2.0 / 3.0));  // probe 12 is above, but not first
        // G2: strangers at 170, 120, 80, 60 degrees; FPIR 0.4: the 2nd; mated 14 (30).
        const auto& g2 = result.galleries[1];
        CHECK(g2.mated == 1);
        CHECK(*g2.tpir[0].threshold == Approx(cosine(80)));
        CHECK(*g2.tpir[0].tpir == 1.0);
        CHECK(*result.per_gallery.tpir[0].tpir == Approx((2.0 / 3.0 + 1.0) / 2.0));
        CHECK_FALSE(result.per_gallery.tpir[0].threshold);
        CHECK(*result.per_gallery.ranks[0].rate == Approx((2.0 / 3.0 + 1.0) / 2.0));
    }
    SECTION("ranks") {
        CHECK(*result.pooled.ranks[0].rate == 0.75);  // probe 12 finds subject 2 first
        CHECK(*result.pooled.ranks[1].rate == 1.0);
    }
}

TEST_CASE("1:N agrees with the full matrix of scores", "[eval]") {
    for (std::uint64_t seed = 0; seed < 4; ++seed) {
        const Example example = random_example(seed);
        const BruteForce truth(example);
        const lafs::Identification result = example.run();
        for (std::size_t k = 0; k < example.options.fpir.size(); ++k) {
            const double fpir = example.options.fpir[k];
            CHECK(*result.pooled.tpir[k].tpir == Approx(truth.pooled(fpir, false)).epsilon(1e-14));
            CHECK(*result.pooled_maxima.tpir[k].tpir == Approx(truth.pooled(fpir, true)).epsilon(1e-14));
            const double a = truth.in_gallery(example.galleries[0], fpir),
                         b = truth.in_gallery(example.galleries[1], fpir);
            CHECK(*result.galleries[0].tpir[k].tpir == Approx(a).epsilon(1e-14));
            CHECK(*result.galleries[1].tpir[k].tpir == Approx(b).epsilon(1e-14));
            CHECK(*result.per_gallery.tpir[k].tpir == Approx((a + b) / 2).epsilon(1e-14));
        }
        for (std::size_t k = 0; k < 3; ++k) {
            const auto rank = static_cast<long>(example.options.ranks[k]);
            CHECK(*result.pooled.ranks[k].rate == Approx(truth.rank(example.galleries, rank)).epsilon(1e-14));
            CHECK(*result.galleries[1].ranks[k].rate ==
                  Approx(truth.rank({example.galleries[1]}, rank)).epsilon(1e-14));
        }
    }
}

TEST_CASE("1:N is the same for any number of threads", "[eval]") {
    const Example example = random_example(9);
    const int before = lafs::threads();
    lafs::set_threads(1);
    const lafs::Identification one = example.run();
    lafs::set_threads(3);
    const lafs::Identification three = example.run();
    lafs::set_threads(before);
    for (std::size_t k = 0; k < one.pooled.tpir.size(); ++k) {
        CHECK(*one.pooled.tpir[k].threshold == *three.pooled.tpir[k].threshold);
        CHECK(*one.pooled_maxima.tpir[k].threshold == *three.pooled_maxima.tpir[k].threshold);
        CHECK(*one.per_gallery.tpir[k].tpir == *three.per_gallery.tpir[k].tpir);
    }
}

TEST_CASE("many impostor scores pass through a bounded list", "[eval]") {
    lafs::RandomSequence random(3, 0);
    std::vector<double> all;
    lafs::detail::LargestScores largest(50);
    for (int i = 0; i < 20000; ++i) {
        all.push_back(std::round(random.normal(0.0) * 100.0) / 100.0);  // ties
        largest.add(all.back());
    }
    std::sort(all.begin(), all.end(), std::greater<>());
    all.resize(50);
    CHECK((std::move(largest).sorted() == all));
}

TEST_CASE("rates that a set cannot tell are absent", "[eval]") {
    Example example = small_example();
    SECTION("no probe without a mate") {
        example.galleries = {example.galleries[0]};
        example.probes = {"probes", {11, 13}, {1, 2}};
        const lafs::Identification result = example.run();
        CHECK(result.pooled.tpir[0].tpir);
        CHECK_FALSE(result.per_gallery.tpir[0].tpir);
        CHECK(*result.per_gallery.ranks[0].rate == 1.0);
    }
    SECTION("strangers only") {
        example.probes = {"probes", {15}, {9}};
        const lafs::Identification result = example.run();
        CHECK_FALSE(result.pooled.tpir[0].tpir);
        CHECK_FALSE(result.pooled.ranks[0].rate);
    }
    SECTION("a gallery of the mate alone") {
        example.galleries = {{"G", {1}, {1}}};
        example.probes = {"probes", {11}, {1}};
        const lafs::Identification result = example.run();
        CHECK_FALSE(result.pooled.tpir[0].tpir);
        CHECK(*result.pooled.ranks[0].rate == 1.0);
    }
}

TEST_CASE("a tie counts against the mate", "[eval]") {
    Example example{circle({{1, 0}, {2, 0}, {3, 30}}), {{"G", {1, 2}, {1, 2}}}, {"probes", {3}, {1}}};
    CHECK(*example.run().pooled.ranks[0].rate == 0.0);
    CHECK(*example.run().pooled.ranks[1].rate == 1.0);
}

TEST_CASE("1:N refuses what does not fit", "[eval]") {
    Example example = small_example();
    const auto refused = [&](const std::string& part) {
        const std::string message = lafs_test::message_of([&] { example.run(); });
        INFO(message);
        CHECK(message.find(part) != std::string::npos);
    };
    SECTION("an unknown template") {
        example.probes.templates[2] = 99;
        refused("template 99 has no images");
    }
    SECTION("lists of other lengths") {
        example.galleries[0].subjects.pop_back();
        refused("got 2 templates and 1 subjects in \"G1\"");
    }
    SECTION("one template in two galleries as two people") {
        example.galleries[1].templates.push_back(1);
        example.galleries[1].subjects.push_back(7);
        refused("template 1 is listed for the subjects 1 and 7");
    }
    SECTION("no galleries") {
        example.galleries.clear();
        refused("got 0 galleries");
    }
    SECTION("rates and ranks that are none") {
        example.options.fpir = {1.0};
        refused("got FPIR 1, expected between 0 and 1");
        example.options = {{0.1}, {0}};
        refused("got rank 0");
    }
}
