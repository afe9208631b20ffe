// 09: ten-fold verification of pairs, its thresholds, ROC and TAR at FAR.
#include <lafs/eval/verification.hpp>
#include <lafs/io/safetensors.hpp>

#include "cases.hpp"

namespace lafs_reference {

void check_verification(const std::filesystem::path& path, Report& report) {
    const auto file = lafs::SafetensorsFile::open(path);
    const auto embeddings = file.read<double>("embeddings");
    lafs::VerificationOptions options;
    options.folds = std::stoul(file.metadata("folds"));
    options.far = file.read<double>("far");
    const auto result = lafs::verify(std::span<const double>(embeddings),
                                     static_cast<std::size_t>(file.info("embeddings").shape.at(1)),
                                     file.read<std::uint8_t>("issame"), options);
    std::vector<double> tar;
    for (const auto& point : result.tar_at_far)
        tar.push_back(point.tar);
    const auto compare_with = [&](const std::string& name, const std::vector<double>& got) {
        report.compare(name, got, file.read<double>(name), 1e-9);
    };
    compare_with("accuracy", result.fold_accuracy);
    compare_with("best_thresholds", result.fold_thresholds);
    compare_with("thresholds", result.roc.thresholds);
    compare_with("fpr", result.roc.far);
    compare_with("tpr", result.roc.tar);
    compare_with("tar", tar);
}

}  // namespace lafs_reference
