// A device for tests: memory of the host that only primitives may touch.
//
// Whatever is written for a device works on `Guarded` with the bits of the CPU, or it is not written for a
// device: code that reaches into tensors past the primitives, or around DeviceMemory, crashes. Each primitive
// of the CPU opens the memory while it runs. For tests of upper floors; one thread may use it at a time.
#pragma once

#include <sys/mman.h>

#include <algorithm>
#include <cstring>
#include <lafs/core/pool.hpp>
#include <lafs/core/tensor.hpp>
#include <utility>

namespace lafs::inline LAFS_ABI {

struct Guarded {
    static constexpr const char* name = "guarded";
};

namespace testing {

/// The memory of the device: closed but while an `Open` lives.
class GuardedMemory {
public:
    static constexpr std::size_t address_bytes = std::size_t{8} << 30, huge_page = std::size_t{2} << 20;

    static GuardedMemory& instance() {
        static GuardedMemory* memory = new GuardedMemory;  // tensors may outlive static objects
        return *memory;
    }

    void* allocate(std::size_t bytes) {
        const std::size_t size = (bytes + 4095) / 4096 * 4096;
        if (size > address_bytes - used_)
            return nullptr;
        void* memory = start_ + used_;
        used_ += size;
        if (open_ > 0)  // a primitive asks for scratch memory
            protect(PROT_READ | PROT_WRITE);
        return memory;
    }

    class Open {
    public:
        Open() {
            if (instance().open_++ == 0)
                instance().protect(PROT_READ | PROT_WRITE);
        }
        ~Open() {
            if (--instance().open_ == 0)
                instance().protect(PROT_NONE);
        }
        Open(const Open&) = delete;
        Open& operator=(const Open&) = delete;
    };

private:
    GuardedMemory() {
        void* memory = mmap(nullptr, address_bytes + huge_page, PROT_NONE,
                            MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        require(memory != MAP_FAILED, "guarded device", "no address space for its memory");
        const auto address = reinterpret_cast<std::uintptr_t>(memory);
        start_ = static_cast<char*>(memory) + (huge_page - address % huge_page) % huge_page;
        madvise(start_, address_bytes, MADV_HUGEPAGE);  // opening and closing small pages takes a second
    }
    void protect(int how) { mprotect(start_, (used_ + huge_page - 1) / huge_page * huge_page, how); }

    char* start_ = nullptr;
    std::size_t used_ = 0;
    int open_ = 0;
};

}  // namespace testing

/// Blocks are never given back: the pool keeps them.
template <>
struct DeviceMemory<Guarded> {
    using Open = testing::GuardedMemory::Open;
    static void* allocate(std::size_t bytes) { return testing::GuardedMemory::instance().allocate(bytes); }
    static void release(void*) {}
    static void copy(void* to, const void* from, std::size_t bytes) {
        const Open open;
        std::memcpy(to, from, bytes);
    }
    static void zero(void* to, std::size_t bytes) {
        const Open open;
        std::memset(to, 0, bytes);
    }
    template <class T>
    static void fill(T* to, std::size_t count, T value) {
        const Open open;
        std::fill_n(to, count, value);
    }
    static void from_host(void* to, const void* from, std::size_t bytes) { copy(to, from, bytes); }
    static void to_host(void* to, const void* from, std::size_t bytes) { copy(to, from, bytes); }
};

// The primitives: those of the CPU, with the memory open.
// clang-format off
template <class... A> void add_at_labels(Guarded, A&&... a) { const DeviceMemory<Guarded>::Open open; add_at_labels(Cpu{}, std::forward<A>(a)...); }
template <class... A> void add_label_products(Guarded, A&&... a) { const DeviceMemory<Guarded>::Open open; add_label_products(Cpu{}, std::forward<A>(a)...); }
template <class... A> void attention_backward(Guarded, A&&... a) { const DeviceMemory<Guarded>::Open open; attention_backward(Cpu{}, std::forward<A>(a)...); }
template <class... A> void attention_forward(Guarded, A&&... a) { const DeviceMemory<Guarded>::Open open; attention_forward(Cpu{}, std::forward<A>(a)...); }
template <class... A> void average_pool_backward(Guarded, A&&... a) { const DeviceMemory<Guarded>::Open open; average_pool_backward(Cpu{}, std::forward<A>(a)...); }
template <class... A> void average_pool_forward(Guarded, A&&... a) { const DeviceMemory<Guarded>::Open open; average_pool_forward(Cpu{}, std::forward<A>(a)...); }
template <class... A> void batch_norm_backward(Guarded, A&&... a) { const DeviceMemory<Guarded>::Open open; batch_norm_backward(Cpu{}, std::forward<A>(a)...); }
template <class... A> void batch_norm_evaluation(Guarded, A&&... a) { const DeviceMemory<Guarded>::Open open; batch_norm_evaluation(Cpu{}, std::forward<A>(a)...); }
template <class... A> void batch_norm_training(Guarded, A&&... a) { const DeviceMemory<Guarded>::Open open; batch_norm_training(Cpu{}, std::forward<A>(a)...); }
template <class... A> void class_attention_backward(Guarded, A&&... a) { const DeviceMemory<Guarded>::Open open; class_attention_backward(Cpu{}, std::forward<A>(a)...); }
template <class... A> void class_attention_forward(Guarded, A&&... a) { const DeviceMemory<Guarded>::Open open; class_attention_forward(Cpu{}, std::forward<A>(a)...); }
template <class... A> void conv_forward(Guarded, A&&... a) { const DeviceMemory<Guarded>::Open open; conv_forward(Cpu{}, std::forward<A>(a)...); }
template <class... A> void conv_input_gradient(Guarded, A&&... a) { const DeviceMemory<Guarded>::Open open; conv_input_gradient(Cpu{}, std::forward<A>(a)...); }
template <class... A> void conv_weight_gradient(Guarded, A&&... a) { const DeviceMemory<Guarded>::Open open; conv_weight_gradient(Cpu{}, std::forward<A>(a)...); }
template <class... A> void convert(Guarded, A&&... a) { const DeviceMemory<Guarded>::Open open; convert(Cpu{}, std::forward<A>(a)...); }
template <class... A> void cross_entropy_backward(Guarded, A&&... a) { const DeviceMemory<Guarded>::Open open; cross_entropy_backward(Cpu{}, std::forward<A>(a)...); }
template <class... A> void cross_entropy_forward(Guarded, A&&... a) { const DeviceMemory<Guarded>::Open open; cross_entropy_forward(Cpu{}, std::forward<A>(a)...); }
template <class... A> void depthwise_backward(Guarded, A&&... a) { const DeviceMemory<Guarded>::Open open; depthwise_backward(Cpu{}, std::forward<A>(a)...); }
template <class... A> void depthwise_forward(Guarded, A&&... a) { const DeviceMemory<Guarded>::Open open; depthwise_forward(Cpu{}, std::forward<A>(a)...); }
template <class... A> void dino_backward(Guarded, A&&... a) { const DeviceMemory<Guarded>::Open open; dino_backward(Cpu{}, std::forward<A>(a)...); }
template <class... A> void dino_centre_norm(Guarded, A&&... a) { const DeviceMemory<Guarded>::Open open; dino_centre_norm(Cpu{}, std::forward<A>(a)...); }
template <class... A> void dino_forward(Guarded, A&&... a) { const DeviceMemory<Guarded>::Open open; dino_forward(Cpu{}, std::forward<A>(a)...); }
template <class... A> void draw_sample_factors(Guarded, A&&... a) { const DeviceMemory<Guarded>::Open open; draw_sample_factors(Cpu{}, std::forward<A>(a)...); }
template <class... A> void draw_points(Guarded, A&&... a) { const DeviceMemory<Guarded>::Open open; draw_points(Cpu{}, std::forward<A>(a)...); }
template <class... A> void dropout_backward(Guarded, A&&... a) { const DeviceMemory<Guarded>::Open open; dropout_backward(Cpu{}, std::forward<A>(a)...); }
template <class... A> void dropout_forward(Guarded, A&&... a) { const DeviceMemory<Guarded>::Open open; dropout_forward(Cpu{}, std::forward<A>(a)...); }
template <class... A> void gather_backward(Guarded, A&&... a) { const DeviceMemory<Guarded>::Open open; gather_backward(Cpu{}, std::forward<A>(a)...); }
template <class... A> void gather_forward(Guarded, A&&... a) { const DeviceMemory<Guarded>::Open open; gather_forward(Cpu{}, std::forward<A>(a)...); }
template <class... A> void gemm(Guarded, A&&... a) { const DeviceMemory<Guarded>::Open open; gemm(Cpu{}, std::forward<A>(a)...); }
template <class... A> void gemm_batch(Guarded, A&&... a) { const DeviceMemory<Guarded>::Open open; gemm_batch(Cpu{}, std::forward<A>(a)...); }
template <class... A> void label_cosines(Guarded, A&&... a) { const DeviceMemory<Guarded>::Open open; label_cosines(Cpu{}, std::forward<A>(a)...); }
template <class... A> void landmark_patches_backward_images(Guarded, A&&... a) { const DeviceMemory<Guarded>::Open open; landmark_patches_backward_images(Cpu{}, std::forward<A>(a)...); }
template <class... A> void landmark_patches_backward_landmarks(Guarded, A&&... a) { const DeviceMemory<Guarded>::Open open; landmark_patches_backward_landmarks(Cpu{}, std::forward<A>(a)...); }
template <class... A> void landmark_patches_forward(Guarded, A&&... a) { const DeviceMemory<Guarded>::Open open; landmark_patches_forward(Cpu{}, std::forward<A>(a)...); }
template <class... A> void layer_norm_backward(Guarded, A&&... a) { const DeviceMemory<Guarded>::Open open; layer_norm_backward(Cpu{}, std::forward<A>(a)...); }
template <class... A> void layer_norm_forward(Guarded, A&&... a) { const DeviceMemory<Guarded>::Open open; layer_norm_forward(Cpu{}, std::forward<A>(a)...); }
template <class... A> void map(Guarded, A&&... a) { const DeviceMemory<Guarded>::Open open; map(Cpu{}, std::forward<A>(a)...); }
template <class... A> void map_gradients(Guarded, A&&... a) { const DeviceMemory<Guarded>::Open open; map_gradients(Cpu{}, std::forward<A>(a)...); }
template <class... A> void max_pool_backward(Guarded, A&&... a) { const DeviceMemory<Guarded>::Open open; max_pool_backward(Cpu{}, std::forward<A>(a)...); }
template <class... A> void max_pool_forward(Guarded, A&&... a) { const DeviceMemory<Guarded>::Open open; max_pool_forward(Cpu{}, std::forward<A>(a)...); }
template <class... A> void normalize_backward(Guarded, A&&... a) { const DeviceMemory<Guarded>::Open open; normalize_backward(Cpu{}, std::forward<A>(a)...); }
template <class... A> void optimizer_step(Guarded, A&&... a) { const DeviceMemory<Guarded>::Open open; optimizer_step(Cpu{}, std::forward<A>(a)...); }
template <class... A> void perturb_points(Guarded, A&&... a) { const DeviceMemory<Guarded>::Open open; perturb_points(Cpu{}, std::forward<A>(a)...); }
template <class... A> void read_at_labels(Guarded, A&&... a) { const DeviceMemory<Guarded>::Open open; read_at_labels(Cpu{}, std::forward<A>(a)...); }
template <class... A> void reduce_extremum(Guarded, A&&... a) { const DeviceMemory<Guarded>::Open open; reduce_extremum(Cpu{}, std::forward<A>(a)...); }
template <class... A> void reduce_sum(Guarded, A&&... a) { const DeviceMemory<Guarded>::Open open; reduce_sum(Cpu{}, std::forward<A>(a)...); }
template <class... A> void rms_norm_backward(Guarded, A&&... a) { const DeviceMemory<Guarded>::Open open; rms_norm_backward(Cpu{}, std::forward<A>(a)...); }
template <class... A> void rms_norm_forward(Guarded, A&&... a) { const DeviceMemory<Guarded>::Open open; rms_norm_forward(Cpu{}, std::forward<A>(a)...); }
template <class... A> void row_backward(Guarded, A&&... a) { const DeviceMemory<Guarded>::Open open; row_backward(Cpu{}, std::forward<A>(a)...); }
template <class... A> void row_forward(Guarded, A&&... a) { const DeviceMemory<Guarded>::Open open; row_forward(Cpu{}, std::forward<A>(a)...); }
template <class... A> void scatter_extremum(Guarded, A&&... a) { const DeviceMemory<Guarded>::Open open; scatter_extremum(Cpu{}, std::forward<A>(a)...); }
template <class... A> void soft_cross_entropy_backward(Guarded, A&&... a) { const DeviceMemory<Guarded>::Open open; soft_cross_entropy_backward(Cpu{}, std::forward<A>(a)...); }
template <class... A> void soft_cross_entropy_forward(Guarded, A&&... a) { const DeviceMemory<Guarded>::Open open; soft_cross_entropy_forward(Cpu{}, std::forward<A>(a)...); }
template <class... A> void sums_of_squares(Guarded, A&&... a) { const DeviceMemory<Guarded>::Open open; sums_of_squares(Cpu{}, std::forward<A>(a)...); }
template <class... A> void write_at_labels(Guarded, A&&... a) { const DeviceMemory<Guarded>::Open open; write_at_labels(Cpu{}, std::forward<A>(a)...); }
// clang-format on

}  // namespace lafs::inline LAFS_ABI
