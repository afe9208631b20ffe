// Why a GPU cannot be used, on machines that the emulator makes up.
#include <lafs/backend/cuda/choose.cuh>

#include "catch.hpp"
#include "check_contains.hpp"

namespace {

using lafs::testing::emulated_machine;

/// Another machine while it lives.
struct Machine {
    explicit Machine(const lafs::testing::EmulatedMachine& machine) { emulated_machine() = machine; }
    ~Machine() { emulated_machine() = {}; }
    Machine(const Machine&) = delete;
    Machine& operator=(const Machine&) = delete;
};

std::string why_not(int index) {
    try {
        lafs::cuda::use_gpu(index);
    } catch (const lafs::Error& error) {
        return error.what();
    }
    return "nothing";
}

}  // namespace

TEST_CASE("choose: a GPU is described by its driver", "[cuda]") {
    const Machine machine({13000, 2, true});
    const auto gpus = lafs::cuda::gpus();
    REQUIRE(gpus.size() == 2);
    CHECK(gpus[1].name == "emulated");
    CHECK(gpus[1].capability() == "9.0");
    CHECK(gpus[1].memory == std::size_t{128} << 20);
    CHECK(lafs::cuda::version_text(12040) == "12.4");
    CHECK(why_not(1) == "nothing");
}

TEST_CASE("choose: a GPU that cannot be used is an error that says why", "[cuda]") {
    {
        const Machine machine({0, 0, true});
        lafs_test::check_contains(why_not(0), "no NVIDIA driver is installed, expected one for CUDA 13.0");
    }
    {
        const Machine machine({12040, 0, true});
        lafs_test::check_contains(why_not(0),
                                  "no CUDA-capable device is detected (the driver is for CUDA 12.4, the "
                                  "program for 13.0)");
    }
    {
        const Machine machine({13000, 2, true});
        lafs_test::check_contains(why_not(2), "got GPU 2, expected one of the 2 of this machine");
        lafs_test::check_contains(why_not(-1), "got GPU -1");
    }
    {
        const Machine machine({13000, 1, false});
        lafs_test::check_contains(why_not(0), "GPU 0, emulated, has compute capability 9.0");
        lafs_test::check_contains(why_not(0), "-DLAFS_CUDA_ARCHITECTURES=90");
    }
}
