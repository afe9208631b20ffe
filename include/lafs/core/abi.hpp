// Link-time guard against mixed builds.
//
// Everything in the library lives in `lafs::inline LAFS_ABI`, whose name encodes the vector instruction set
// the translation unit was compiled for. Two translation units built with different -march options then use
// different symbols and link safely, where they would otherwise share one inline function compiled for the
// wrong machine.
#pragma once

#if defined(__AVX512F__)
#define LAFS_ABI avx512
#elif defined(__AVX2__) && defined(__FMA__)
#define LAFS_ABI avx2
#elif defined(__AVX__)
#define LAFS_ABI avx
#else
#define LAFS_ABI base
#endif

/// Marks functions that run on both host and device; empty for a plain C++ compiler.
#if defined(__CUDACC__)
#define LAFS_HOST_DEVICE __host__ __device__
#else
#define LAFS_HOST_DEVICE
#endif

/// Enclose host-device templates that are also instantiated with types of one side only (packs on the CPU):
/// nvcc would warn of calls that are never made. Empty for a plain C++ compiler.
#if defined(__CUDACC__)
#define LAFS_DEVICE_CODE_BEGIN \
    _Pragma("nv_diagnostic push") _Pragma("nv_diag_suppress 20011, 20013, 20014, 20015")
#define LAFS_DEVICE_CODE_END _Pragma("nv_diagnostic pop")
#else
#define LAFS_DEVICE_CODE_BEGIN
#define LAFS_DEVICE_CODE_END
#endif

/// Inlines everything a function calls: the inner loops of kernels, whose operations are tiny functions.
#define LAFS_FLATTEN __attribute__((flatten))
