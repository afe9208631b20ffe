// 10: features of templates from those of images, scores of template pairs, TAR at FAR.
#include <lafs/eval/ijb.hpp>
#include <lafs/eval/roc.hpp>
#include <lafs/io/safetensors.hpp>

#include "cases.hpp"

namespace lafs_reference {

void check_ijb(const std::filesystem::path& path, Report& report) {
    const auto file = lafs::SafetensorsFile::open(path);
    lafs::IjbOptions options;
    options.mirrored = file.metadata("flip_test").starts_with("F2");
    options.use_detector_score = file.metadata("use_detector_score").starts_with("true");
    options.normalise_images = file.metadata("use_norm_score").starts_with("false");
    const auto features = file.read<double>("features");
    const auto templates = lafs::template_features(
        std::span<const double>(features), static_cast<std::size_t>(file.info("features").shape.at(1)),
        file.read<std::int64_t>("templates"), file.read<std::int64_t>("medias"),
        file.read<double>("detector_score"), options);
    report.check("unique_templates", templates.templates == file.read<std::int64_t>("unique_templates"),
                 "other template numbers");
    report.compare("template_features", templates.features, file.read<double>("template_features"), 1e-6);

    const auto scores =
        lafs::pair_scores(templates, file.read<std::int64_t>("p1"), file.read<std::int64_t>("p2"));
    report.compare("score", scores, file.read<double>("score"), 1e-6);

    const auto labels = file.read<std::int64_t>("label");
    const auto curve = lafs::roc_curve(scores, std::vector<std::uint8_t>(labels.begin(), labels.end()));
    std::vector<double> tar;
    for (const double far : file.read<double>("far"))
        tar.push_back(lafs::tar_at_far(curve, far));
    report.compare("tar", tar, file.read<double>("tar"), 1e-6);
}

}  // namespace lafs_reference
