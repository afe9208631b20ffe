// 11 and 12: checkpoints in the published layouts, as PyTorch wrote them; `<name>_expected.safetensors`
// beside each lists some of its tensors, and its metadata the epoch.
#include <algorithm>
#include <lafs/io/pytorch_checkpoint.hpp>

#include "cases.hpp"
#include "tensors.hpp"

namespace lafs_reference {

void check_checkpoint(const std::filesystem::path& path, Report& report) {
    const auto checkpoint = lafs::PyTorchCheckpoint::open(path);
    const auto expected =
        lafs::SafetensorsFile::open(path.parent_path() / (path.stem().string() + "_expected.safetensors"));
    for (const std::string& name : expected.names()) {
        if (!checkpoint.contains(name)) {
            report.check(name, false, "is not in the checkpoint");
            continue;
        }
        const auto& got = checkpoint.info(name);
        const auto& wanted = expected.info(name);
        report.check(name, got.dtype == wanted.dtype && got.shape == wanted.shape,
                     "has another type or shape");
        if (lafs::is_floating(wanted.dtype))
            report.compare(name, checkpoint.read<double>(name), expected.read<double>(name), 0.0);
        else
            report.compare(name, checkpoint.read<std::int64_t>(name), expected.read<std::int64_t>(name), 0.0);
    }
    if (const auto epoch = expected.metadata().find("epoch"); epoch != expected.metadata().end()) {
        const auto& skipped = checkpoint.skipped();
        const std::string entry = "epoch (the integer " + epoch->second + ")";
        report.check("epoch", std::find(skipped.begin(), skipped.end(), entry) != skipped.end(),
                     "no entry \"" + entry + "\"");
    }
}

}  // namespace lafs_reference
