// Elements of another type on the CPU (contract: primitives/convert.hpp).
#pragma once

#include <lafs/backend/cpu/map.hpp>
#include <lafs/primitives/convert.hpp>

namespace lafs::inline LAFS_ABI {

template <class From, class To>
void convert(Cpu, std::int64_t size, const From* x, const GradientTarget<To>& to) {
    count_launch();
    parallel_ranges(size, cpu::map_grain, [=](std::int64_t begin, std::int64_t end) {
        for (std::int64_t i = begin; i < end; ++i)
            convert_element(x[i], to.data[i], to.accumulate);
    });
}

}  // namespace lafs::inline LAFS_ABI
