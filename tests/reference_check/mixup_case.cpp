// 13: mixup of a batch of images and labels for a given lambda.
#include <lafs/losses/mixup.hpp>

#include "cases.hpp"
#include "tensors.hpp"

namespace lafs_reference {

void check_mixup(const std::filesystem::path& path, Report& report) {
    const auto file = lafs::SafetensorsFile::open(path);
    const double lambda = file.read<double>("lam").at(0);
    compare(report, file, "mixed", lafs::mixup_images(tensor_of(file, "images"), lambda), 1e-6);
    const auto values = file.read<std::int64_t>("label");
    const auto labels = lafs::Tensor<std::int64_t>::from({static_cast<std::int64_t>(values.size())}, values);
    compare(report, file, "target",
            lafs::mixup_labels<float>(labels, file.info("target").shape.at(1), lambda), 1e-6);
}

}  // namespace lafs_reference
