// seeds: data/celeb112/test_pairs.txt
// Any bytes as each of the lists of IJB, and as a list of scores.
#include <lafs/data/ijb_lists.hpp>
#include <lafs/data/score_list.hpp>

#include "fuzz/fuzz_file.hpp"

namespace {

template <class Read>
void attempt(const Read& read) {
    try {
        read();
    } catch (const lafs::Error&) {
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const lafs_test::FuzzFile input(data, size);
    const std::vector<std::int64_t> templates = {1, 2, 3, 5, 8};
    attempt([&] { lafs::read_ijb_images(input.path()); });
    attempt([&] { lafs::read_ijb_faces(input.path()); });
    attempt([&] { lafs::read_template_pairs(input.path(), templates); });
    attempt([&] { lafs::read_template_subjects(input.path(), templates); });
    attempt([&] { lafs::read_scores(input.path()); });
    return 0;
}
