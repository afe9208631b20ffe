// seeds: data/recordio/*/*.rec
// Any bytes as a record file: the text before the first magic number as its index, the rest as records.
#include <algorithm>
#include <lafs/data/record_tools/info.hpp>
#include <lafs/data/record_tools/verify.hpp>

#include "fuzz/fuzz_file.hpp"

namespace {

template <class Use>
void attempt(const Use& use) {
    try {
        use();
    } catch (const lafs::Error&) {
    }
}

void use_index(std::span<const std::byte> bytes) {
    const std::uint64_t begin = lafs::detail::find_magic(bytes, 0, bytes.size());
    const std::span<const std::byte> records = bytes.subspan(begin);
    lafs::RecordScan scan = lafs::scan_records(records);
    const std::string_view text(reinterpret_cast<const char*>(bytes.data()), begin);
    if (const lafs::IndexText parsed = lafs::parse_index(text, "index"); parsed.index) {
        lafs::index_problem(records, *parsed.index);
        lafs::covers(*parsed.index, scan, records);
        parsed.index->find(1);
    }
    const lafs::RecordIndex index = lafs::index_of(std::move(scan));
    if (index.size() > 0)
        index.find(index.key(index.size() / 2));
}

void use_records(const std::filesystem::path& path) {
    const lafs::OpenedRecords opened(path);
    constexpr std::size_t few = 16;
    for (std::size_t i = 0; i < std::min(opened.file.size(), few); ++i)
        lafs::list_record(opened.file, i);
    if (opened.file.bytes() <= 4096)  // decoding takes most of the time
        lafs::check_records(opened);
    const lafs::RecordSource source(path);
    for (std::int64_t i = 0; i < std::min<std::int64_t>(source.size(), few); ++i)
        attempt([&] { source.encoded(i); });
    attempt([&] { source.image(source.size() - 1); });
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    lafs::set_threads(1);
    const lafs_test::FuzzFile input(data, size);
    attempt([&] { use_index(std::as_bytes(std::span(data, size))); });
    attempt([&] { use_records(input.path()); });
    return 0;
}
