// seeds: data/celeb112/test_pairs.txt
// Any bytes as a list of points.
#include <lafs/data/face_points.hpp>

#include "fuzz/fuzz_file.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const lafs_test::FuzzFile input(data, size);
    try {
        for (const lafs::FacePoints& face : lafs::read_face_points(input.path()))
            lafs::choose_face({&face.points, 1}, 640, 480, lafs::FaceChoice::largest);
    } catch (const lafs::Error&) {
    }
    return 0;
}
