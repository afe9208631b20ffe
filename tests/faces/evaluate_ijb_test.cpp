// The whole of IJB with a simple embedding in place of a network, against the protocol written down anew.
#include <algorithm>
#include <cmath>
#include <lafs/faces/ijb_report.hpp>
#include <map>
#include <numeric>
#include <string>
#include <vector>

#include "catch.hpp"
#include "ijb_tree.hpp"

namespace {

constexpr std::int64_t cells = 7;  // of a side

/// (B, 3, 112, 112) -> (B, 147): what the mean colour of each cell of a 7 x 7 grid differs from a middle
/// grey, with weights that tell left from right.
lafs::Tensor<float> cell_means(const lafs::Tensor<float>& images) {
    const std::int64_t count = images.shape(0), side = 112 / cells, dim = 3 * cells * cells;
    std::vector<float> out(static_cast<std::size_t>(count * dim), 0.0f);
    for (std::int64_t b = 0; b < count; ++b)
        for (std::int64_t c = 0; c < 3; ++c)
            for (std::int64_t y = 0; y < 112; ++y)
                for (std::int64_t x = 0; x < 112; ++x)
                    out[static_cast<std::size_t>(b * dim + (c * cells + y / side) * cells + x / side)] +=
                        images.data()[((b * 3 + c) * 112 + y) * 112 + x] * (x < 56 ? 1.0f : 0.75f);
    return lafs::Tensor<float>::from({count, dim}, out);
}

using Row = std::vector<double>;

Row unit(Row row) {
    const double norm = std::sqrt(std::inner_product(row.begin(), row.end(), row.begin(), 0.0));
    for (double& value : row)
        value /= norm;
    return row;
}

Row feature_of(const lafs::Image& face) {
    auto planes = lafs::Tensor<float>::empty({1, 3, 112, 112});
    lafs::to_planes(face, planes.span());
    const std::vector<float> values = cell_means(planes).to_vector();
    return Row(values.begin(), values.end());
}

/// Template features of the tree: the 24 images in their lists' order.
std::map<std::int64_t, Row> plain_templates(const lafs::IjbSet& set, const lafs::IjbEvaluation& how) {
    std::map<std::int64_t, std::map<std::int64_t, std::vector<Row>>> media;
    for (std::size_t i = 0; i < set.images.size(); ++i) {
        const lafs::Image face = lafs::align_face(lafs::load_image(set.path(i)), set.faces[i].points);
        Row row = feature_of(face);
        if (how.protocol.mirrored) {
            const Row mirror = feature_of(lafs::flip_horizontal(face));
            std::transform(row.begin(), row.end(), mirror.begin(), row.begin(), std::plus<>());
        }
        if (how.protocol.normalise_images)
            row = unit(row);
        if (how.protocol.use_detector_score)
            for (double& value : row)
                value *= set.faces[i].score;
        media[set.images[i].template_number][set.images[i].medium].push_back(row);
    }
    std::map<std::int64_t, Row> templates;
    for (const auto& [number, of_template] : media) {
        Row sum(147, 0.0);
        for (const auto& [medium, rows] : of_template)
            for (const Row& row : rows)
                for (std::size_t k = 0; k < row.size(); ++k)
                    sum[k] += row[k] / static_cast<double>(rows.size());
        templates[number] = unit(sum);
    }
    return templates;
}

const lafs_test::IjbTree& tree() {
    static const lafs_test::IjbTree made;
    return made;
}

}  // namespace

TEST_CASE("alignment undoes how a face lies in its picture", "[train]") {
    const lafs::IjbSet set = lafs::read_ijb(tree().folder.path(), "ijbb");
    for (const std::size_t i : {0, 7, 13}) {
        const lafs::Point eye =
            lafs::estimate_similarity(set.faces[i].points, lafs::face_template)(set.faces[i].points[0]);
        CHECK(std::abs(eye.x - lafs::face_template[0].x) < 6.0);
        CHECK(std::abs(eye.y - lafs::face_template[0].y) < 6.0);
        CHECK(lafs::ijb_face(set, i).width == 112);
    }
}

TEST_CASE("templates are what the protocol says, with and without its parts", "[train]") {
    const lafs::IjbSet set = lafs::read_ijb(tree().root, "ijbb");
    CHECK_FALSE(lafs::IjbEvaluation().protocol.normalise_images);  // as published
    for (const bool mirrored : {true, false})
        for (const auto& [score, normalised] : {std::pair(true, false), {false, false}, {true, true}}) {
            lafs::IjbEvaluation how;
            how.protocol = {mirrored, score, normalised};
            const auto truth = plain_templates(set, how);
            const lafs::TemplateFeatures found = lafs::embed_templates(set, cell_means, how);
            REQUIRE(found.templates.size() == truth.size());
            double worst = 0.0;
            for (const auto& [number, row] : truth)
                for (std::size_t k = 0; k < row.size(); ++k)
                    worst = std::max(worst, std::abs(row[k] - found.of(number)[k]));
            CHECK(worst < 1e-6);  // image and mirror are added in float
        }
}

TEST_CASE("IJB is the same for every batch and number of threads", "[train]") {
    const lafs::IjbSet set = lafs::read_ijb(tree().root, "ijbb");
    const int before = lafs::threads();
    std::vector<std::string> results;
    std::vector<double> features;
    for (const std::int64_t batch : {1, 5, 24, 1000}) {
        lafs::set_threads(batch == 5 ? 3 : 1);
        lafs::IjbEvaluation how;
        how.batch = batch;
        how.calibrate_far = 0.1;
        const lafs::TemplateFeatures templates = lafs::embed_templates(set, cell_means, how);
        features = features.empty() ? templates.features : features;
        CHECK((templates.features == features));
        results.push_back(lafs::ijb_json("ijbb", lafs::evaluate_templates(set, templates, how)).dump());
        CHECK(results.back() == results.front());
    }
    lafs::set_threads(before);
}

TEST_CASE("the figures of a set are those of its templates", "[train]") {
    const lafs::IjbSet set = lafs::read_ijb(tree().root, "ijbb");
    std::size_t seen = 0;
    lafs::IjbEvaluation how;
    how.progress = [&](std::size_t i) { CHECK(i == seen++); };
    const lafs::IjbResult result = lafs::evaluate_ijb(set, cell_means, how);
    CHECK(seen == 24);
    CHECK(result.images == 24);
    CHECK(result.templates == 12);
    CHECK(result.genuine_pairs == 6);
    CHECK(result.impostor_pairs == 30);

    const auto truth = plain_templates(set, how);
    const auto score = [&](int a, int b) {
        const Row &x = truth.at(10 * a + 1), &y = truth.at(10 * b + 2);
        return std::inner_product(x.begin(), x.end(), y.begin(), 0.0);
    };
    // Rank 1 of the second templates among the first ones of identities 0 .. 4, and in S1 (0 .. 2) alone.
    const auto rank_one = [&](int first, int last) {
        int found = 0;
        for (int probe = first; probe < last; ++probe) {
            bool best = true;
            for (int other = first; other < last; ++other)
                best = best && (other == probe || score(other, probe) < score(probe, probe));
            found += best;
        }
        return static_cast<double>(found) / (last - first);
    };
    REQUIRE(result.identification);
    CHECK(*result.identification->pooled.ranks[0].rate == Approx(rank_one(0, 5)));
    CHECK(result.identification->pooled.mated == 5);
    CHECK(*result.identification->galleries[0].ranks[0].rate == Approx(rank_one(0, 3)));
    CHECK(*result.identification->galleries[1].ranks[0].rate == Approx(rank_one(3, 5)));
    // TAR where 3 of 30 impostor pairs are accepted (FAR 0.1): genuine scores above the 4th impostor or not.
    std::vector<double> impostors, genuine;
    for (int a = 0; a < 6; ++a)
        for (int b = 0; b < 6; ++b)
            (a == b ? genuine : impostors).push_back(score(a, b));
    std::sort(impostors.begin(), impostors.end(), std::greater<>());
    const auto accepted =
        std::count_if(genuine.begin(), genuine.end(), [&](double s) { return s > impostors[3]; });
    const lafs::RocCurve all = lafs::roc_curve(
        lafs::pair_scores(lafs::embed_templates(set, cell_means), set.pairs.first, set.pairs.second),
        set.pairs.same, lafs::RocPoints::all);
    CHECK(lafs::tar_at_far(all, 0.1) == Approx(static_cast<double>(accepted) / 6.0));
}

TEST_CASE("a picture that cannot be read or aligned is named", "[train]") {
    lafs::IjbSet set = lafs::read_ijb(tree().root, "ijbb");
    const std::string file = set.images[5].file;
    SECTION("points in one place") {
        set.faces[5].points.fill({40, 40});
        const std::string message = lafs_test::message_of([&] { lafs::embed_templates(set, cell_means); });
        CHECK(message.find(file) != std::string::npos);
        CHECK(message.find("all points lie at 40, 40") != std::string::npos);
    }
    SECTION("points of the picture at another size") {
        for (lafs::Point& p : set.faces[5].points)
            p = {3 * p.x, 3 * p.y};
        const std::string message = lafs_test::message_of([&] { lafs::embed_templates(set, cell_means); });
        CHECK(message.find(file) != std::string::npos);
        CHECK(message.find("lies outside the image of 190 x 180 pixels") != std::string::npos);
    }
    SECTION("a point of a face that is cut off") {
        set.faces[5].points[0].x = -8;
        CHECK_NOTHROW(lafs::embed_templates(set, cell_means));
    }
    SECTION("no image") {
        set.images[5].file = "absent.png";
        CHECK(lafs_test::message_of([&] { lafs::embed_templates(set, cell_means); }).find("absent.png") !=
              std::string::npos);
    }
}

TEST_CASE("IJB results as text and JSON", "[train]") {
    lafs::IjbResult result;
    CHECK(lafs::ijb_text("ijbc", result)
              .find("image features: as they are, image and mirror, times the "
                    "detector's score\n") != std::string::npos);
    CHECK(lafs::ijb_json("ijbc", result).at("image_features") == "as they are");
    result.protocol = {false, false, true};
    CHECK(lafs::ijb_text("ijbc", result).find("image features: normalised, without mirrors\n") !=
          std::string::npos);
    CHECK(lafs::ijb_json("ijbc", result).at("image_features") == "normalised");
    CHECK(lafs::ijb_json("ijbc", result).at("mirrored") == false);
    CHECK(lafs::ijb_json("ijbc", result).at("detector_score") == false);
    result.images = 5;
    result.genuine_pairs = 2;
    result.impostor_pairs = 1000;
    result.tar_at_far = {{1e-6, 0.25}, {1e-2, 0.5}};
    lafs::Identification found;
    found.pooled = {"pooled", 3, 4, 2, {{0.01, {}, {}}, {0.1, 0.5, 0.75}}, {{1, 0.5}}};
    found.pooled_maxima = found.per_gallery = found.pooled;
    found.galleries = {found.pooled};
    found.galleries[0].name = "S1";
    result.identification = found;
    const auto json = lafs::ijb_json("ijbc", result);
    CHECK(json.at("tar_at_far").at("1e-06") == 0.25);
    CHECK(json.at("pairs") == 1002);
    const auto& pooled = json.at("identification").at("pooled");
    CHECK(pooled.at("definition") == "pooled");
    CHECK(pooled.at("tpir_at_fpir").at("0.01").is_null());
    CHECK(pooled.at("tpir_at_fpir").at("0.1") == 0.5);
    CHECK(pooled.at("thresholds").at("0.1") == 0.75);
    CHECK(pooled.at("rank").at("1") == 0.5);
    CHECK(json.at("identification").at("galleries").contains("S1"));
    CHECK_FALSE(json.contains("calibration"));
    const std::string text = lafs::ijb_text("ijbc", result);
    CHECK(text.find("TAR at FAR 1e-06   25.00 %  (too few impostor pairs for this FAR)") !=
          std::string::npos);
    CHECK(text.find("TAR at FAR 0.01    50.00 %\n") != std::string::npos);
    CHECK(text.find("pooled_maxima") != std::string::npos);
    CHECK(text.find("n/a      50.00") != std::string::npos);
}
