// seeds: seeds/tiny.pth, data/checkpoints/*.safetensors, data/checkpoints/*.pth, data/checkpoints/*.pt
// Any bytes as a file of weights: which kind, its list, its names as a model has them, the model it holds,
// and its tensors, up to 64 MB of them.
#include <lafs/faces/convert_weights.hpp>

#include "fuzz/fuzz_file.hpp"

namespace {

void look_for_model(const lafs::WeightsFile& file, const std::string& key) {
    try {
        const lafs::WeightsNames names = lafs::find_weights(file.names(), file.path().string(), key);
        lafs::model_of(file, names);
    } catch (const lafs::Error&) {
    }
}

void read_tensors(const lafs::WeightsFile& file) {
    std::uint64_t room = 64'000'000;
    for (const std::string& name : file.names()) {
        const lafs::WeightsInfo info = file.info(name);
        if (info.bytes() > room)
            continue;
        room -= info.bytes();
        try {
            file.read_bytes(name);
            file.read<float>(name);
        } catch (const lafs::Error&) {
        }
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const lafs_test::FuzzFile input(data, size);
    try {
        const lafs::WeightsFile file = lafs::open_weights(input.path());
        lafs::list_weights(file);
        file.skipped();
        for (const char* key : {"", "teacher", "model"})
            look_for_model(file, key);
        lafs::parse_pixels(file.metadata(), file.path().string());
        read_tensors(file);
    } catch (const lafs::Error&) {
    }
    return 0;
}
