// seeds: seeds/*_protocol0.bin, data/verification_bin/numpy_protocol3.bin,
// data/verification_bin/python2_protocol2.bin Any bytes as a pickle, every value of which is looked at.
#include <lafs/io/pickle_numpy.hpp>
#include <span>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    try {
        const auto pickle =
            lafs::Pickle::read(std::as_bytes(std::span(data, size)), "input", lafs::PickledArrays::names());
        lafs::PickledArrays arrays;
        for (std::uint32_t id = 0; id < pickle.values(); ++id) {
            const lafs::PickleValue value = pickle.value(id);
            std::size_t count = value.description().size();
            try {
                if (value.has_entries())
                    for (const auto [key, item] : value.entries())
                        count += key.id() + item.id();
                else if (value.has_items())
                    for (const lafs::PickleValue item : value.items())
                        count += item.id();
                arrays.bytes(value);
                if (const auto array = arrays.array(value))
                    count += array->data.size();
                value.require(count > 0, "a value without description");
            } catch (const lafs::Error&) {
            }
        }
    } catch (const lafs::Error&) {
    }
    return 0;
}
