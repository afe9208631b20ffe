#include <cmath>
#include <cstddef>
#include <cstdint>
#include <lafs/report/report.hpp>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include "base64.hpp"
#include "catch.hpp"
#include "markup.hpp"
#include "temporary_folder.hpp"

namespace {

using lafs::Image;
using lafs_test::count_of;

std::span<const std::byte> bytes_of(const std::string& text) {
    return std::as_bytes(std::span(text));
}

Image gradient(int width, int height) {
    Image image(width, height);
    for (int y = 0; y < height; ++y)
        for (int x = 0; x < width; ++x) {
            image.at(x, y)[0] = static_cast<std::uint8_t>(x * 2);
            image.at(x, y)[1] = static_cast<std::uint8_t>(y * 2);
            image.at(x, y)[2] = 77;
        }
    return image;
}

}  // namespace

TEST_CASE("base64 agrees with the examples of RFC 4648", "[train]") {
    const std::vector<std::pair<std::string, std::string>> examples = {{"", ""},
                                                                       {"f", "Zg=="},
                                                                       {"fo", "Zm8="},
                                                                       {"foo", "Zm9v"},
                                                                       {"foob", "Zm9vYg=="},
                                                                       {"fooba", "Zm9vYmE="},
                                                                       {"foobar", "Zm9vYmFy"},
                                                                       {"\xff\xfe\xfb", "//77"}};
    for (const auto& [text, code] : examples)
        CHECK(lafs::detail::base64(bytes_of(text)) == code);
}

TEST_CASE("a page holds all it needs and shows plain text as it is", "[train]") {
    lafs::Report report("Run <1> & more", "a \"subtitle\"");
    report.add_text("Words", "if a < b && c > d: <script>alert(1)</script>");
    report.add_facts("Settings", {{"model", "<tiny>"}, {"epochs", "34"}});
    report.add_table("Results", {"name", "value"}, {{"a", "1"}, {"b & c", "2"}});
    lafs::Chart chart;
    chart.title = "curve";
    chart.series = {{"s", {0, 1, 2}, {3, 1, 2}}};
    report.add_charts("Charts", {chart, chart});
    report.add_charts("No charts", {});
    report.add_images("Faces", {{gradient(20, 10), "face <7>", {3.0f, 4.0f, 5.5f, 6.0f}},
                                {gradient(9, 9), "patch", {}, true}});
    report.add_images("No faces", {});
    const std::string html = report.html();
    CHECK(lafs_test::markup_problem(html).empty());
    CHECK(html.starts_with("<!DOCTYPE html>"));
    CHECK(html.find("<script") == std::string::npos);
    CHECK(html.find("<link") == std::string::npos);
    CHECK(html.find("Run &lt;1&gt; &amp; more") != std::string::npos);
    CHECK(html.find("<td>&lt;tiny&gt;</td>") != std::string::npos);
    CHECK(html.find("No charts") == std::string::npos);
    CHECK(html.find("No faces") == std::string::npos);
    CHECK(count_of(html, "<section ") == 5);
    CHECK(count_of(html, "http") ==
          count_of(html, "http-equiv") + count_of(html, "http://www.w3.org/2000/svg"));
    CHECK(count_of(html, "src=\"") == count_of(html, "src=\"data:image/png;base64,"));
    CHECK(html.find("M3.5 4.5h0M6.0 6.5h0") != std::string::npos);  // landmarks, at the centres of pixels
}

TEST_CASE("pictures come out of the page as they went in", "[train]") {
    const Image image = gradient(31, 17);
    lafs::Report report("r");
    report.add_images("Faces", {{image, "x"}});
    const std::string html = report.html(), start = "src=\"data:image/png;base64,";
    const std::size_t begin = html.find(start) + start.size();
    CHECK(lafs::decode_image(lafs_test::decode_base64(html.substr(begin, html.find('"', begin) - begin))) ==
          image);
}

TEST_CASE("a large run gives a file below two megabytes, written as a whole", "[train]") {
    const lafs_test::TemporaryFolder folder;
    const auto path = folder / "report.html";
    std::map<std::string, lafs::LogCurve> log;
    for (const char* key : {"loss", "lr", "weight_decay", "momentum", "gradient_norm", "images_per_second",
                            "teacher_entropy", "teacher_kl", "centre_norm", "unknown"})
        for (int i = 0; i < 100000; ++i) {
            log[key].step.push_back(i);
            log[key].value.push_back(2.0 + std::sin(0.1 * i) + 1e-5 * i);
        }
    lafs::Report report("large");
    const auto charts = lafs::log_charts(log, lafs::training_charts());
    CHECK(charts.size() == 6);
    CHECK(charts[0].series.size() == 2);  // loss: raw and mean
    CHECK(charts[2].series.size() == 1);  // learning rate
    report.add_charts("Training", charts);
    CHECK(lafs::log_charts(log, lafs::collapse_charts()).size() == 3);
    report.add_charts("Collapse", lafs::log_charts(log, lafs::collapse_charts()));
    report.add_images("Faces", std::vector<lafs::ReportImage>(
                                   16, {gradient(112, 112), "face", std::vector<float>(392, 5.0f)}));
    report.write(path);
    CHECK(lafs_test::read_text(path) == report.html());
    CHECK(std::filesystem::file_size(path) < 2000000);
    CHECK(lafs_test::count_entries(folder.path()) == 1);
    CHECK_THROWS_AS(report.write(folder / "absent" / "report.html"), lafs::Error);
}

TEST_CASE("means do not lag and skip what is not a number", "[train]") {
    const std::vector<double> means =
        lafs::detail::neighbourhood_mean({1, 2, 3, std::nan(""), 5, std::nan(""), std::nan("")}, 1);
    CHECK(means[0] == 1.5);
    CHECK(means[1] == 2.0);
    CHECK(means[2] == 2.5);
    CHECK(means[3] == 4.0);
    CHECK(means[4] == 5.0);
    CHECK(std::isnan(means[6]));
}

TEST_CASE("the verification section shows the measured numbers", "[train]") {
    lafs::VerificationResult result;
    result.pairs = 600;
    result.accuracy = 0.98765;
    result.accuracy_std = 0.0123;
    result.best_threshold = 1.17;
    result.tar_at_far = {{1e-2, 0.5}, {1e-3, 0.25}};
    result.roc = {{0.0, 0.5, 1.0}, {0.0, 0.9, 1.0}, {0.0, 1.0, 2.0}};
    lafs::Report report("r");
    report.add_verification("Verification", {{"after LAFS", result}, {"before", result}});
    const std::string html = report.html();
    CHECK(lafs_test::markup_problem(html).empty());
    CHECK(count_of(html, "98.77\u00a0\u00b1\u00a01.23\u00a0%") == 2);
    CHECK(html.find("TAR at FAR\u00a00.001") != std::string::npos);
    CHECK(html.find("<td>25.00\u00a0%</td>") != std::string::npos);
    CHECK(count_of(html, "<svg xmlns") == 2);
    CHECK_THROWS_AS(report.add_verification("none", {}), lafs::Error);
}

TEST_CASE("patches lie side by side the right way up", "[train]") {
    // Two patches of side 2: pixel (x, y) of patch k has red = k, green = x, blue = y on [-1, 1].
    for (const auto layout : {lafs::PatchLayout::columns_first, lafs::PatchLayout::rows_first}) {
        std::vector<float> patches;
        for (int k = 0; k < 2; ++k)
            for (int a = 0; a < 2; ++a)
                for (int b = 0; b < 2; ++b) {
                    const int x = layout == lafs::PatchLayout::columns_first ? a : b;
                    const int y = layout == lafs::PatchLayout::columns_first ? b : a;
                    for (const int value : {k, x, y})
                        patches.push_back(2.0f * static_cast<float>(value) - 1.0f);
                }
        const Image image = lafs::patch_mosaic(patches, 2, 1, layout);
        CHECK(image.width == 4);
        CHECK(image.height == 7);
        CHECK(image.at(0, 0)[0] == 255);
        for (int k = 0; k < 2; ++k)
            for (int y = 0; y < 2; ++y)
                for (int x = 0; x < 2; ++x) {
                    const std::uint8_t* pixel = image.at(1 + x, 1 + 3 * k + y);
                    CHECK(pixel[0] == 255 * k);
                    CHECK(pixel[1] == 255 * x);
                    CHECK(pixel[2] == 255 * y);
                }
    }
    const std::vector<float> values(13);
    CHECK_THROWS_AS(lafs::patch_mosaic(values, 2, 1, lafs::PatchLayout::rows_first), lafs::Error);
    const std::vector<float> broken(12, std::numeric_limits<float>::quiet_NaN());
    CHECK_THROWS_AS(lafs::patch_mosaic(broken, 2, 1, lafs::PatchLayout::rows_first), lafs::Error);
}

TEST_CASE("attention is bright where the weight is", "[train]") {
    Image face(40, 40);
    std::fill(face.pixels.begin(), face.pixels.end(), std::uint8_t{128});
    const std::vector<float> positions = {8, 8, 30, 8, 8, 30, 30, 30}, weights = {0, 0, 1, 0};
    const Image out = lafs::attention_overlay(face, positions, weights);
    // Viridis ends in yellow (253, 231, 37), starts in purple (68, 1, 84).
    CHECK(out.at(8, 30)[0] > 200);
    CHECK(out.at(8, 30)[1] > 190);
    for (const auto& [x, y] : {std::pair{8, 8}, std::pair{30, 8}, std::pair{30, 30}})
        CHECK(out.at(x, y)[1] < 110);
    CHECK_THROWS_AS(lafs::attention_overlay(face, positions, std::vector<float>(3)), lafs::Error);
    CHECK_THROWS_AS(lafs::attention_overlay(Image(), positions, weights), lafs::Error);
}
