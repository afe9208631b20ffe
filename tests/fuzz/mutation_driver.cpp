// Runs a fuzz target without libFuzzer: every given file as it is, then random changes of them.
//
//   X_fuzz -runs=N [-seed=S] FILE...
//
// A crash, a sanitizer's finding, or an input that takes more than 20 seconds leaves the input in
// `crash-<target>` in the current folder. The same seed makes the same inputs.
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <lafs/core/random.hpp>
#include <string>
#include <string_view>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);
extern "C" __attribute__((weak)) void __sanitizer_set_death_callback(void (*callback)());

namespace {

using Bytes = std::vector<std::uint8_t>;

constexpr std::size_t largest_seed = 256 * 1024;  // larger files are cut: time goes into variety

Bytes current;
std::string crash_file;

void save_current() {
    std::ofstream out(crash_file, std::ios::binary);
    out.write(reinterpret_cast<const char*>(current.data()), static_cast<std::streamsize>(current.size()));
    std::fprintf(stderr, "the input is in %s\n", crash_file.c_str());
}

void out_of_time(int) {
    std::fprintf(stderr, "an input took more than 20 seconds\n");
    save_current();
    std::_Exit(1);
}

void aborted(int) {
    save_current();
    std::_Exit(1);
}

void run_current() {
    ::alarm(20);
    LLVMFuzzerTestOneInput(current.data(), current.size());
    ::alarm(0);
}

Bytes read_seed(const std::filesystem::path& path) {
    std::ifstream in(path, std::ios::binary);
    if (!in) {
        std::fprintf(stderr, "cannot read %s\n", path.c_str());
        std::exit(2);
    }
    Bytes bytes{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
    bytes.resize(std::min(bytes.size(), largest_seed));
    return bytes;
}

/// A place in `bytes`, more often near the beginning, where headers are.
std::size_t place(const Bytes& bytes, lafs::RandomSequence& random) {
    const std::size_t range = random.integer(2) ? bytes.size() : std::min<std::size_t>(bytes.size(), 256);
    return range ? random.integer(range) : 0;
}

/// One small change.
void change(Bytes& bytes, const Bytes& other, lafs::RandomSequence& random) {
    static constexpr std::uint64_t numbers[] = {0,
                                                1,
                                                0x7f,
                                                0x80,
                                                0xff,
                                                0x7fff,
                                                0xffff,
                                                0x7fffffff,
                                                0x80000000,
                                                0xffffffff,
                                                0x7fffffffffffffff,
                                                0x8000000000000000,
                                                0xffffffffffffffff};
    const std::size_t at = place(bytes, random), left = bytes.size() - at;
    switch (random.integer(8)) {
        case 0:  // one bit
            if (left)
                bytes[at] ^= static_cast<std::uint8_t>(1u << random.integer(8));
            break;
        case 1:  // one byte
            if (left)
                bytes[at] = static_cast<std::uint8_t>(random.integer(256));
            break;
        case 2: {  // a number that readers trip over
            const std::uint64_t number = numbers[random.integer(std::size(numbers))];
            std::memcpy(bytes.data() + at, &number, std::min(left, std::size_t{1} << random.integer(4)));
            break;
        }
        case 3:  // cut off
            bytes.resize(at);
            break;
        case 4: {  // take something out
            const auto count =
                static_cast<std::ptrdiff_t>(std::min<std::size_t>(left, 1 + random.integer(64)));
            const auto begin = bytes.begin() + static_cast<std::ptrdiff_t>(at);
            bytes.erase(begin, begin + count);
            break;
        }
        case 5: {  // repeat something
            const Bytes piece(bytes.begin() + static_cast<std::ptrdiff_t>(at),
                              bytes.begin() + static_cast<std::ptrdiff_t>(
                                                  at + std::min<std::size_t>(left, 1 + random.integer(64))));
            bytes.insert(bytes.begin() + static_cast<std::ptrdiff_t>(place(bytes, random)), piece.begin(),
                         piece.end());
            break;
        }
        case 6: {  // a piece of another file
            const std::size_t from = place(other, random),
                              count = std::min<std::size_t>(other.size() - from, 1 + random.integer(128));
            bytes.insert(bytes.begin() + static_cast<std::ptrdiff_t>(at),
                         other.begin() + static_cast<std::ptrdiff_t>(from),
                         other.begin() + static_cast<std::ptrdiff_t>(from + count));
            break;
        }
        default: {  // what texts are made of
            static constexpr std::string_view characters = "0123456789-+.eE\t\n ,:{}[]\"\\/_";
            if (left)
                bytes[at] = static_cast<std::uint8_t>(characters[random.integer(characters.size())]);
        }
    }
}

}  // namespace

int main(int argc, char** argv) {
    std::uint64_t runs = 1000, seed = 1;
    std::vector<Bytes> seeds(1);  // the empty file
    for (int i = 1; i < argc; ++i) {
        const std::string argument = argv[i];
        if (argument.starts_with("-runs="))
            runs = std::stoull(argument.substr(6));
        else if (argument.starts_with("-seed="))
            seed = std::stoull(argument.substr(6));
        else
            seeds.push_back(read_seed(argument));
    }
    crash_file = "crash-" + std::filesystem::path(argv[0]).filename().string();
    ::signal(SIGALRM, out_of_time);
    ::signal(SIGABRT, aborted);
    if (__sanitizer_set_death_callback)
        __sanitizer_set_death_callback(save_current);
    for (const Bytes& bytes : seeds) {
        current = bytes;
        run_current();
    }
    lafs::RandomSequence random(seed, 0);
    for (std::uint64_t run = 0; run < runs; ++run) {
        current = seeds[random.integer(seeds.size())];
        const Bytes& other = seeds[random.integer(seeds.size())];
        for (std::uint64_t changes = 1 + random.integer(4); changes > 0; --changes)
            change(current, other, random);
        run_current();
    }
    std::printf("%s: %zu files, %llu changed inputs, no crash\n", argv[0], seeds.size(),
                static_cast<unsigned long long>(runs));
    return 0;
}
