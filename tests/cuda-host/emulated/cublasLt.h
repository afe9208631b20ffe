// Stands in for cuBLASLt where the CUDA backend is compiled for the host: the calls that
// backend/cuda/gemm.hpp makes, as documented (column-major, D = alpha op(A) op(B) + beta C + bias of D's
// rows), by a plain loop.
#pragma once

#include <cuda_runtime.h>

#include <algorithm>
#include <type_traits>

enum cublasStatus_t {
    CUBLAS_STATUS_SUCCESS = 0,
    CUBLAS_STATUS_INVALID_VALUE = 7,
    CUBLAS_STATUS_NOT_SUPPORTED = 15
};
enum cublasComputeType_t {
    CUBLAS_COMPUTE_32F = 68,
    CUBLAS_COMPUTE_32F_FAST_TF32 = 77,
    CUBLAS_COMPUTE_64F = 70
};
enum cublasOperation_t { CUBLAS_OP_N, CUBLAS_OP_T };
enum cublasLtEpilogue_t { CUBLASLT_EPILOGUE_DEFAULT = 1, CUBLASLT_EPILOGUE_BIAS = 4 };
enum cublasLtReductionScheme_t { CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE = 2 };
enum cublasLtMatmulDescAttributes_t {
    CUBLASLT_MATMUL_DESC_TRANSA,
    CUBLASLT_MATMUL_DESC_TRANSB,
    CUBLASLT_MATMUL_DESC_EPILOGUE,
    CUBLASLT_MATMUL_DESC_BIAS_POINTER
};
enum cublasLtMatmulPreferenceAttributes_t {
    CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES,
    CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK,
    CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES,
    CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES,
    CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES,
    CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES
};

using cublasLtHandle_t = struct cublasLtContext*;
struct cublasLtMatmulDescOpaque_t {
    cublasOperation_t transpose[2];
    cublasLtEpilogue_t epilogue;
    const void* bias;
    cudaDataType scale;
};
struct cublasLtMatrixLayoutOpaque_t {
    cudaDataType type;
    std::int64_t rows, columns, leading;
    std::int32_t batch;
    std::int64_t offset;
};
enum cublasLtMatrixLayoutAttribute_t {
    CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT = 5,
    CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET = 6
};
struct cublasLtMatmulPreferenceOpaque_t {
    std::size_t workspace;
    std::uint32_t value[5];
};
struct cublasLtMatmulAlgo_t {
    std::uint32_t alignment[4];
};
struct cublasLtMatmulHeuristicResult_t {
    cublasLtMatmulAlgo_t algo;
};

inline const char* cublasLtGetStatusString(cublasStatus_t status) {
    return status == CUBLAS_STATUS_SUCCESS ? "CUBLAS_STATUS_SUCCESS" : "CUBLAS_STATUS_INVALID_VALUE";
}
inline cublasStatus_t cublasLtCreate(cublasLtHandle_t* handle) {
    *handle = nullptr;
    return CUBLAS_STATUS_SUCCESS;
}
inline cublasStatus_t cublasLtDestroy(cublasLtHandle_t) {
    return CUBLAS_STATUS_SUCCESS;
}
inline cublasStatus_t cublasLtMatmulDescInit(cublasLtMatmulDescOpaque_t* to, cublasComputeType_t,
                                             cudaDataType scale) {
    *to = {{CUBLAS_OP_N, CUBLAS_OP_N}, CUBLASLT_EPILOGUE_DEFAULT, nullptr, scale};
    return CUBLAS_STATUS_SUCCESS;
}
inline cublasStatus_t cublasLtMatmulDescSetAttribute(cublasLtMatmulDescOpaque_t* to,
                                                     cublasLtMatmulDescAttributes_t attribute,
                                                     const void* value, std::size_t bytes) {
    const auto copy = [&](auto& field) {
        if (bytes != sizeof field)
            return CUBLAS_STATUS_INVALID_VALUE;
        std::memcpy(&field, value, bytes);
        return CUBLAS_STATUS_SUCCESS;
    };
    switch (attribute) {
        case CUBLASLT_MATMUL_DESC_TRANSA:
            return copy(to->transpose[0]);
        case CUBLASLT_MATMUL_DESC_TRANSB:
            return copy(to->transpose[1]);
        case CUBLASLT_MATMUL_DESC_EPILOGUE:
            return copy(to->epilogue);
        case CUBLASLT_MATMUL_DESC_BIAS_POINTER:
            return copy(to->bias);
    }
    return CUBLAS_STATUS_INVALID_VALUE;
}
inline cublasStatus_t cublasLtMatrixLayoutInit(cublasLtMatrixLayoutOpaque_t* to, cudaDataType type,
                                               std::uint64_t rows, std::uint64_t columns,
                                               std::int64_t leading) {
    *to = {type, static_cast<std::int64_t>(rows), static_cast<std::int64_t>(columns), leading, 1, 0};
    return leading >= to->rows ? CUBLAS_STATUS_SUCCESS : CUBLAS_STATUS_INVALID_VALUE;
}
inline cublasStatus_t cublasLtMatrixLayoutSetAttribute(cublasLtMatrixLayoutOpaque_t* to,
                                                       cublasLtMatrixLayoutAttribute_t attribute,
                                                       const void* value, std::size_t bytes) {
    const bool count = attribute == CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT;
    if (bytes != (count ? sizeof to->batch : sizeof to->offset))
        return CUBLAS_STATUS_INVALID_VALUE;
    std::memcpy(count ? static_cast<void*>(&to->batch) : static_cast<void*>(&to->offset), value, bytes);
    return CUBLAS_STATUS_SUCCESS;
}
inline cublasStatus_t cublasLtMatmulPreferenceInit(cublasLtMatmulPreferenceOpaque_t* to) {
    *to = {0, {7, 256, 256, 256, 256}};
    return CUBLAS_STATUS_SUCCESS;
}
inline cublasStatus_t cublasLtMatmulPreferenceSetAttribute(cublasLtMatmulPreferenceOpaque_t* to,
                                                           cublasLtMatmulPreferenceAttributes_t attribute,
                                                           const void* value, std::size_t bytes) {
    const bool workspace = attribute == CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES;
    if (bytes != (workspace ? 8u : 4u))
        return CUBLAS_STATUS_INVALID_VALUE;
    if (workspace)
        std::memcpy(&to->workspace, value, bytes);
    else
        std::memcpy(&to->value[attribute - 1], value, bytes);
    return CUBLAS_STATUS_SUCCESS;
}

/// The "algorithm" is the alignment that it was promised.
inline cublasStatus_t cublasLtMatmulAlgoGetHeuristic(cublasLtHandle_t, const cublasLtMatmulDescOpaque_t*,
                                                     const cublasLtMatrixLayoutOpaque_t*,
                                                     const cublasLtMatrixLayoutOpaque_t*,
                                                     const cublasLtMatrixLayoutOpaque_t*,
                                                     const cublasLtMatrixLayoutOpaque_t*,
                                                     const cublasLtMatmulPreferenceOpaque_t* preference, int,
                                                     cublasLtMatmulHeuristicResult_t* result, int* found) {
    std::copy(preference->value + 1, preference->value + 5, result->algo.alignment);
    *found = 1;
    return CUBLAS_STATUS_SUCCESS;
}

namespace emulated {

/// Element (i, j) of op(X).
template <class T>
struct Operand {
    const T* data;
    cublasLtMatrixLayoutOpaque_t layout;
    bool transposed;

    std::int64_t rows() const { return transposed ? layout.columns : layout.rows; }
    std::int64_t columns() const { return transposed ? layout.rows : layout.columns; }
    double operator()(std::int64_t i, std::int64_t j) const {
        return static_cast<double>(transposed ? data[j + i * layout.leading] : data[i + j * layout.leading]);
    }
    /// The same operand of another product of the batch.
    Operand of_batch(std::int64_t index) const { return {data + index * layout.offset, layout, transposed}; }
    bool valid(std::uint32_t alignment) const {
        const auto bytes = static_cast<std::size_t>((layout.batch - 1) * layout.offset +
                                                    (layout.columns - 1) * layout.leading + layout.rows) *
                           sizeof(T);
        return reinterpret_cast<std::uintptr_t>(data) % alignment == 0 &&
               (layout.batch == 1 || static_cast<std::size_t>(layout.offset) * sizeof(T) % alignment == 0) &&
               lafs::testing::cuda_emulation().on_device(data, bytes);
    }
};

template <class T>
cublasStatus_t multiply(const cublasLtMatmulDescOpaque_t& operation, T alpha, const Operand<T>& a,
                        const Operand<T>& b, T beta, const Operand<T>& d,
                        const cublasLtMatmulAlgo_t& algorithm) {
    if (a.rows() != d.rows() || b.columns() != d.columns() || a.columns() != b.rows() ||
        !a.valid(algorithm.alignment[0]) || !b.valid(algorithm.alignment[1]) ||
        !d.valid(algorithm.alignment[3]))
        return CUBLAS_STATUS_INVALID_VALUE;
    const T* bias =
        operation.epilogue == CUBLASLT_EPILOGUE_BIAS ? static_cast<const T*>(operation.bias) : nullptr;
    if (operation.epilogue == CUBLASLT_EPILOGUE_BIAS &&
        !lafs::testing::cuda_emulation().on_device(bias, static_cast<std::size_t>(d.rows()) * sizeof(T)))
        return CUBLAS_STATUS_INVALID_VALUE;
    if (a.layout.batch != d.layout.batch || b.layout.batch != d.layout.batch)
        return CUBLAS_STATUS_INVALID_VALUE;
    lafs::testing::cuda_emulation().enqueue([=] {
        for (std::int64_t n = 0; n < d.layout.batch; ++n) {
            const Operand<T> left = a.of_batch(n), right = b.of_batch(n), result = d.of_batch(n);
            for (std::int64_t i = 0; i < d.rows(); ++i)
                for (std::int64_t j = 0; j < d.columns(); ++j) {
                    double sum = 0;
                    for (std::int64_t k = 0; k < a.columns(); ++k)
                        sum += left(i, k) * right(k, j);
                    T& to = const_cast<T*>(result.data)[i + j * d.layout.leading];
                    to = static_cast<T>(alpha * sum + (beta != 0 ? beta * to : 0) + (bias ? bias[i] : 0));
                }
        }
    });
    return CUBLAS_STATUS_SUCCESS;
}

}  // namespace emulated

[[gnu::noinline]] inline cublasStatus_t cublasLtMatmul(
    cublasLtHandle_t, const cublasLtMatmulDescOpaque_t* operation, const void* alpha, const void* a,
    const cublasLtMatrixLayoutOpaque_t* a_layout, const void* b, const cublasLtMatrixLayoutOpaque_t* b_layout,
    const void* beta, const void* c, const cublasLtMatrixLayoutOpaque_t*, void* d,
    const cublasLtMatrixLayoutOpaque_t* d_layout, const cublasLtMatmulAlgo_t* algorithm, void* workspace,
    std::size_t workspace_bytes, cudaStream_t) {
    if (c != d || !lafs::testing::cuda_emulation().on_device(workspace, workspace_bytes))
        return CUBLAS_STATUS_INVALID_VALUE;
    const auto run = [&](auto zero) {
        using T = decltype(zero);
        const auto operand = [](const void* data, const cublasLtMatrixLayoutOpaque_t* layout,
                                bool transposed) {
            return emulated::Operand<T>{static_cast<const T*>(data), *layout, transposed};
        };
        return emulated::multiply<T>(*operation, *static_cast<const T*>(alpha),
                                     operand(a, a_layout, operation->transpose[0] == CUBLAS_OP_T),
                                     operand(b, b_layout, operation->transpose[1] == CUBLAS_OP_T),
                                     *static_cast<const T*>(beta), operand(d, d_layout, false), *algorithm);
    };
    if (operation->scale == CUDA_R_64F)
        return run(0.0);
    return a_layout->type == CUDA_R_32F ? run(0.0f) : CUBLAS_STATUS_NOT_SUPPORTED;
}
