// stb_image and stb_image_write, compiled into every translation unit that includes this.
//
// They have internal linkage, so a program may compile its own copy in another translation unit, but not in
// one that includes this header. Only JPEG and PNG are compiled, and asserts are off: a bad
// file is an error, never an abort. The decoder's memory is bounded, see DecoderLimit.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <lafs/core/abi.hpp>

namespace lafs::inline LAFS_ABI {

/// While it lives, stb_image gets no block of more than `bytes` in this thread, and fails instead:
/// what a file says of its size is no reason to allocate.
/// Blocks come zeroed: some files use tables they never define.
class DecoderLimit {
public:
    explicit DecoderLimit(std::size_t bytes) : outer_(largest()) { largest() = bytes; }
    ~DecoderLimit() { largest() = outer_; }
    DecoderLimit(const DecoderLimit&) = delete;
    DecoderLimit& operator=(const DecoderLimit&) = delete;

    static void* allocate(std::size_t bytes) { return bytes <= largest() ? std::calloc(bytes, 1) : nullptr; }
    static void* reallocate(void* block, std::size_t bytes) {
        return bytes <= largest() ? std::realloc(block, bytes) : nullptr;
    }

private:
    static std::size_t& largest() {
        thread_local std::size_t bytes = SIZE_MAX;
        return bytes;
    }

    std::size_t outer_;
};

}  // namespace lafs::inline LAFS_ABI

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-function"
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"
#pragma GCC diagnostic ignored "-Wsign-compare"

#define STB_IMAGE_STATIC
#define STB_IMAGE_IMPLEMENTATION
#define STB_IMAGE_WRITE_STATIC
#define STB_IMAGE_WRITE_IMPLEMENTATION
#define STBI_ASSERT(condition) ((void)0)
#define STBIW_ASSERT(condition) ((void)0)
#define STBI_ONLY_JPEG
#define STBI_ONLY_PNG
#define STBI_NO_STDIO
#define STBI_WRITE_NO_STDIO
#define STBI_MAX_DIMENSIONS 65536
#define STBI_MALLOC(bytes) lafs::DecoderLimit::allocate(bytes)
#define STBI_REALLOC(block, bytes) lafs::DecoderLimit::reallocate(block, bytes)
#define STBI_FREE(block) std::free(block)

#if __has_include(<stb/stb_image.h>)
#include <stb/stb_image.h>
#include <stb/stb_image_write.h>
#else
#include <stb_image.h>
#include <stb_image_write.h>
#endif

#undef STB_IMAGE_STATIC
#undef STB_IMAGE_IMPLEMENTATION
#undef STB_IMAGE_WRITE_STATIC
#undef STB_IMAGE_WRITE_IMPLEMENTATION
#pragma GCC diagnostic pop
