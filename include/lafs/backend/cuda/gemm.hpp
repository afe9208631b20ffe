// Matrix products on the GPU by cuBLASLt (contract: primitives/gemm.hpp).
//
// cuBLASLt reads memory column by column. A row-major C (m, n) is a column-major C' (n, m) = B' A', so the
// operands are handed over in the other order; a row-major operand is then the transpose already. A bias per
// column of C is one per row of C', which is what the library's epilogue adds. Algorithms that add partial
// products in any order are not asked for: the same input gives the same bits on the same GPU.
#pragma once

#include <cublasLt.h>

#include <atomic>
#include <compare>
#include <lafs/backend/cuda/device.hpp>
#include <lafs/core/counter.hpp>
#include <lafs/core/dtype.hpp>
#include <lafs/core/tensor.hpp>
#include <lafs/primitives/gemm.hpp>
#include <limits>
#include <map>

namespace lafs::inline LAFS_ABI {

namespace cuda {

/// Whether float products may round their operands to TF32 (10 mantissa bits) for tensor cores; off at first.
inline std::atomic<bool>& allow_tf32() {
    static std::atomic<bool> allowed{false};
    return allowed;
}

/// Throws lafs::Error with the call and cuBLAS's name of the error.
inline void check(cublasStatus_t status, const char* call) {
    if (status != CUBLAS_STATUS_SUCCESS) [[unlikely]]
        fail("cuda", call, ": ", cublasLtGetStatusString(status));
}

template <class T>
inline constexpr cudaDataType cublas_type = std::is_same_v<T, double>     ? CUDA_R_64F
                                            : std::is_same_v<T, bfloat16> ? CUDA_R_16BF
                                            : std::is_same_v<T, half>     ? CUDA_R_16F
                                                                          : CUDA_R_32F;

/// A column-major operand as cuBLASLt sees it, before `transposed` is applied.
struct GemmOperand {
    std::int64_t rows, columns, leading;
    bool transposed;
    int alignment;            ///< of the pointers, in bytes, at most 256
    std::int64_t offset = 0;  ///< elements from one matrix of a batch to the next
    auto operator<=>(const GemmOperand&) const = default;
};

/// What a choice of algorithm depends on.
struct GemmKey {
    cudaDataType type;
    cublasComputeType_t compute;
    bool bias;
    GemmOperand left, right, result;
    std::int64_t batch = 1;
    auto operator<=>(const GemmKey&) const = default;
};

/// The largest power of two, at most 256, that divides a number of bytes.
inline int alignment_of(std::uintptr_t bytes) {
    const std::uintptr_t bounded = bytes | 256u;
    return static_cast<int>(bounded & (~bounded + 1));
}
inline int alignment_of(const void* memory) {
    return alignment_of(reinterpret_cast<std::uintptr_t>(memory));
}

/// One operand of the product C' = right' left', where `matrix` is already in the order of C.
/// Throws when neither its rows nor its columns are contiguous.
template <class T>
GemmOperand gemm_operand(const Matrix<T>& matrix) {
    const int alignment = alignment_of(matrix.data);
    if (matrix.column_stride == 1 && (matrix.row_stride >= matrix.columns || matrix.rows == 1))
        return {matrix.columns, matrix.rows, std::max(matrix.row_stride, matrix.columns), false, alignment};
    require(matrix.row_stride == 1 && (matrix.column_stride >= matrix.rows || matrix.columns == 1), "matmul",
            "got strides ", matrix.row_stride, " and ", matrix.column_stride, " for (", matrix.rows, ", ",
            matrix.columns, "), expected contiguous rows or columns");
    return {matrix.rows, matrix.columns, std::max(matrix.column_stride, matrix.rows), true, alignment};
}

/// Descriptors and algorithm of one product; memory is given at every call.
struct GemmPlan {
    cublasLtMatmulDescOpaque_t operation;
    cublasLtMatrixLayoutOpaque_t left, right, result;
    cublasLtMatmulAlgo_t algorithm;
};

/// cuBLASLt's handle, its workspace and the algorithms chosen so far; each thread has its own.
class GemmContext {
public:
    static constexpr std::size_t workspace_bytes = std::size_t{32} << 20;

    GemmContext() : workspace_(Tensor<std::uint8_t, Cuda>::empty({workspace_bytes})) {
        check(cublasLtCreate(&handle_), "cublasLtCreate");
    }
    ~GemmContext() { cublasLtDestroy(handle_); }
    GemmContext(const GemmContext&) = delete;
    GemmContext& operator=(const GemmContext&) = delete;

    static GemmContext& of_thread() {
        thread_local GemmContext context;
        return context;
    }

    /// result = alpha * left * right + beta * result, + bias.
    template <class T>
    void run(const GemmKey& key, compute_t<T> alpha, const T* left, const T* right, compute_t<T> beta,
             T* result, const T* bias) {
        auto found = plans_.find(key);
        if (found == plans_.end())
            found = plans_.emplace(key, make_plan(key)).first;
        GemmPlan& plan = found->second;
        if (bias)
            set(plan.operation, CUBLASLT_MATMUL_DESC_BIAS_POINTER, bias);
        count_launch();
        check(cublasLtMatmul(handle_, &plan.operation, &alpha, left, &plan.left, right, &plan.right, &beta,
                             result, &plan.result, result, &plan.result, &plan.algorithm, workspace_.data(),
                             workspace_bytes, stream()),
              "cublasLtMatmul");
    }

private:
    template <class Value>
    static void set(cublasLtMatmulDescOpaque_t& operation, cublasLtMatmulDescAttributes_t attribute,
                    const Value& value) {
        check(cublasLtMatmulDescSetAttribute(&operation, attribute, &value, sizeof value),
              "cublasLtMatmulDescSetAttribute");
    }
    template <class Value>
    static void set(cublasLtMatmulPreferenceOpaque_t& preference,
                    cublasLtMatmulPreferenceAttributes_t attribute, const Value& value) {
        check(cublasLtMatmulPreferenceSetAttribute(&preference, attribute, &value, sizeof value),
              "cublasLtMatmulPreferenceSetAttribute");
    }
    static void describe(cublasLtMatrixLayoutOpaque_t& layout, cudaDataType type, const GemmOperand& operand,
                         std::int64_t batch) {
        check(cublasLtMatrixLayoutInit(&layout, type, static_cast<std::uint64_t>(operand.rows),
                                       static_cast<std::uint64_t>(operand.columns), operand.leading),
              "cublasLtMatrixLayoutInit");
        if (batch == 1)
            return;
        const auto count = static_cast<std::int32_t>(batch);
        check(cublasLtMatrixLayoutSetAttribute(&layout, CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT, &count,
                                               sizeof count),
              "cublasLtMatrixLayoutSetAttribute");
        check(cublasLtMatrixLayoutSetAttribute(&layout, CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET,
                                               &operand.offset, sizeof operand.offset),
              "cublasLtMatrixLayoutSetAttribute");
    }

    GemmPlan make_plan(const GemmKey& key) const {
        GemmPlan plan{};
        const cudaDataType scale = key.type == CUDA_R_64F ? CUDA_R_64F : CUDA_R_32F;
        check(cublasLtMatmulDescInit(&plan.operation, key.compute, scale), "cublasLtMatmulDescInit");
        set(plan.operation, CUBLASLT_MATMUL_DESC_TRANSA, key.left.transposed ? CUBLAS_OP_T : CUBLAS_OP_N);
        set(plan.operation, CUBLASLT_MATMUL_DESC_TRANSB, key.right.transposed ? CUBLAS_OP_T : CUBLAS_OP_N);
        if (key.bias)
            set(plan.operation, CUBLASLT_MATMUL_DESC_EPILOGUE, CUBLASLT_EPILOGUE_BIAS);
        describe(plan.left, key.type, key.left, key.batch);
        describe(plan.right, key.type, key.right, key.batch);
        describe(plan.result, key.type, key.result, key.batch);

        cublasLtMatmulPreferenceOpaque_t preference;
        check(cublasLtMatmulPreferenceInit(&preference), "cublasLtMatmulPreferenceInit");
        set(preference, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, workspace_bytes);
        set(preference, CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK,
            static_cast<std::uint32_t>(CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE));
        set(preference, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES,
            static_cast<std::uint32_t>(key.left.alignment));
        set(preference, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES,
            static_cast<std::uint32_t>(key.right.alignment));
        set(preference, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES,
            static_cast<std::uint32_t>(key.result.alignment));
        set(preference, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES,
            static_cast<std::uint32_t>(key.result.alignment));

        cublasLtMatmulHeuristicResult_t choice{};
        int found = 0;
        check(cublasLtMatmulAlgoGetHeuristic(handle_, &plan.operation, &plan.left, &plan.right, &plan.result,
                                             &plan.result, &preference, 1, &choice, &found),
              "cublasLtMatmulAlgoGetHeuristic");
        require(found > 0, "matmul", "cuBLASLt has no algorithm for (", key.result.columns, ", ",
                key.result.rows, ") on this GPU");
        plan.algorithm = choice.algo;
        return plan;
    }

    cublasLtHandle_t handle_ = nullptr;
    Tensor<std::uint8_t, Cuda> workspace_;
    std::map<GemmKey, GemmPlan> plans_;
};

/// The type that products of T are formed in.
template <class T>
cublasComputeType_t gemm_compute_type() {
    if (std::is_same_v<T, double>)
        return CUBLAS_COMPUTE_64F;
    return std::is_same_v<T, float> && allow_tf32() ? CUBLAS_COMPUTE_32F_FAST_TF32 : CUBLAS_COMPUTE_32F;
}

/// The operand with the distance of a batch, and the alignment that all its matrices have.
template <class T>
GemmOperand in_batch(GemmOperand operand, std::int64_t offset) {
    operand.offset = offset;
    operand.alignment =
        std::min(operand.alignment, alignment_of(static_cast<std::uintptr_t>(offset) * sizeof(T)));
    return operand;
}

}  // namespace cuda

template <class T>
void gemm(Cuda, compute_t<T> alpha, const Matrix<T>& a, const Matrix<T>& b, bool accumulate, T* c,
          std::int64_t leading, const T* bias = nullptr) {
    using C = compute_t<T>;
    require(a.columns == b.rows, "matmul", '(', a.rows, ", ", a.columns, ") x (", b.rows, ", ", b.columns,
            "): inner sizes differ");
    if (a.rows == 0 || b.columns == 0)
        return;
    const bool adds_bias = bias && !accumulate;
    const cuda::GemmKey key{cuda::cublas_type<T>,
                            cuda::gemm_compute_type<T>(),
                            adds_bias,
                            cuda::gemm_operand(b),
                            cuda::gemm_operand(a),
                            {b.columns, a.rows, leading, false, cuda::alignment_of(c)}};
    cuda::GemmContext::of_thread().run(key, alpha, b.data, a.data, accumulate ? C(1) : C(0), c,
                                       adds_bias ? bias : nullptr);
}

template <class T>
void gemm_batch(Cuda device, compute_t<T> alpha, const Matrix<T>& a, const Matrix<T>& b, bool accumulate,
                T* c, std::int64_t leading, const GemmBatch& batch) {
    using C = compute_t<T>;
    if (batch.count == 1)
        return gemm(device, alpha, a, b, accumulate, c, leading);
    require(a.columns == b.rows && batch.count <= std::numeric_limits<std::int32_t>::max(), "matmul",
            batch.count, " products (", a.rows, ", ", a.columns, ") x (", b.rows, ", ", b.columns,
            "): expected equal inner sizes and below 2^31 products");
    if (a.rows == 0 || b.columns == 0 || batch.count == 0)
        return;
    const cuda::GemmOperand result{b.columns, a.rows, leading, false, cuda::alignment_of(c)};
    const cuda::GemmKey key{cuda::cublas_type<T>,
                            cuda::gemm_compute_type<T>(),
                            false,
                            cuda::in_batch<T>(cuda::gemm_operand(b), batch.b),
                            cuda::in_batch<T>(cuda::gemm_operand(a), batch.a),
                            cuda::in_batch<T>(result, batch.c),
                            batch.count};
    cuda::GemmContext::of_thread().run(key, alpha, b.data, a.data, accumulate ? C(1) : C(0), c,
                                       static_cast<const T*>(nullptr));
}

}  // namespace lafs::inline LAFS_ABI
