// Says once for each file that is compiled where the build makes the library slow; nothing depends on it.
// LAFS_NO_BUILD_HINTS, defined for the compiler, silences it. Figures: docs/pitfalls.md, one core.
#pragma once

#if !defined(LAFS_NO_BUILD_HINTS) && !defined(__CUDA_ARCH__)
#if !defined(__OPTIMIZE__)
#pragma message( \
    "lafs: compiled without optimisation, which is up to 134 times slower: give -O2, or in CMake a build type (-DCMAKE_BUILD_TYPE=Release). -DLAFS_NO_BUILD_HINTS silences this")
#elif defined(__x86_64__) && !(defined(__AVX2__) && defined(__FMA__))
#pragma message( \
    "lafs: compiled without AVX2, which is up to 2.8 times slower: give -march=native (or x86-64-v3), or in CMake link lafs::native. -DLAFS_NO_BUILD_HINTS silences this")
#endif
#endif
