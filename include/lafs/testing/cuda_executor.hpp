// Runs the threads of a CUDA block on the host, each as a fiber. Used by cuda_emulator.hpp.
//
// A fiber runs until it waits at a gate (one for the block, one for each warp); when nobody can run and not
// all are done, the kernel would hang on a GPU, and lafs::Error says where.
#pragma once

#include <setjmp.h>
#include <ucontext.h>

#include <bit>
#include <cstdint>
#include <exception>
#include <functional>
#include <lafs/core/error.hpp>
#include <memory>
#include <utility>
#include <vector>

// NOLINTBEGIN(readability-identifier-naming): the names are CUDA's
struct dim3 {
    unsigned x, y, z;
    constexpr dim3(unsigned x_ = 1, unsigned y_ = 1, unsigned z_ = 1) : x(x_), y(y_), z(z_) {}
};

inline dim3 threadIdx, blockIdx, blockDim, gridDim;
// NOLINTEND(readability-identifier-naming)

namespace lafs::inline LAFS_ABI::testing {

/// The place in the source that a fiber waits at.
struct Place {
    const char* file = "";
    int line = 0;
    friend bool operator==(const Place&, const Place&) = default;
};

/// A barrier that opens when all who are expected have come; its generation counts the openings.
struct Gate {
    unsigned generation = 0;
    unsigned arrived = 0;
    Place place;  // of those who wait
};

/// Runs the threads of one block at a time.
class BlockExecutor {
public:
    bool reversed = false;  ///< threads, and blocks, in descending order

    /// Runs `body` for every thread of every block. Throws lafs::Error on misuse.
    void run(dim3 grid, dim3 block, const std::function<void()>& body) {
        gridDim = grid;
        blockDim = block;
        const unsigned blocks = grid.x * grid.y * grid.z;
        body_ = &body;
        running() = this;
        for (unsigned i = 0; i < blocks; ++i) {
            const unsigned index = reversed ? blocks - 1 - i : i;
            blockIdx = dim3(index % grid.x, index / grid.x % grid.y, index / grid.x / grid.y);
            run_block(block.x * block.y * block.z);
        }
    }

    /// The executor that runs now; null outside kernels.
    static BlockExecutor*& running() {
        static BlockExecutor* executor = nullptr;
        return executor;
    }

    /// The calling thread's place in its warp.
    unsigned lane() const { return static_cast<unsigned>(current_) % 32; }

    /// Called by a thread: waits until all threads of the block are here.
    void wait_for_block(Place place) {
        if (alive_ != static_cast<unsigned>(threads_))
            fail("cuda emulator", place.file, ':', place.line, ": __syncthreads after ",
                 static_cast<unsigned>(threads_) - alive_, " threads of the block have left the kernel");
        wait(block_gate_, static_cast<unsigned>(threads_), place);
    }

    /// Called by a thread of a warp: exchanges a value; gives the one of lane `from`.
    std::uint64_t exchange(unsigned mask, std::uint64_t value, unsigned from, Place place) {
        const int lane = current_ % 32;
        Warp& warp = warps_[static_cast<std::size_t>(current_ / 32)];
        if (!(mask >> lane & 1u) || !(mask >> from & 1u) || (mask & ~warp.alive))
            fail("cuda emulator", place.file, ':', place.line, ": shuffle of lane ", lane, " with lane ",
                 from, ", mask ", mask, ", lanes that run ", warp.alive);
        const auto expected = static_cast<unsigned>(std::popcount(mask));
        warp.value[lane] = value;
        wait(warp.gate, expected, place);
        const std::uint64_t result = warp.value[from];
        wait(warp.gate, expected, place);
        return result;
    }

private:
    /// Runs threads one after the other; stays with one that waits.
    struct Fiber {
        ucontext_t context;  // where it begins
        jmp_buf place;       // where it waits
        bool entered;
        std::unique_ptr<char[]> stack;
        Gate* gate = nullptr;  // waits for it to pass `generation`
        unsigned generation = 0;
        bool done = false;
    };
    struct Warp {
        Gate gate;
        unsigned alive = 0;
        std::uint64_t value[32] = {};
    };
    static constexpr std::size_t stack_bytes = 128 << 10;

    void run_block(unsigned threads) {
        threads_ = static_cast<int>(threads);
        alive_ = threads;
        started_ = 0;
        block_gate_ = Gate{};
        warps_.assign((threads + 31) / 32, Warp{});
        for (int i = 0; i < threads_; ++i)
            warps_[static_cast<std::size_t>(i / 32)].alive |= 1u << i % 32;
        used_ = 0;
        while (alive_ > 0) {
            bool some = false;
            for (std::size_t begin = 0; begin < used_ || started_ < threads_; begin += 32)
                while (run_group(begin))
                    some = true;
            if (!some)
                report_deadlock();
        }
    }

    /// Resumes or starts 32 fibers; a warp runs ahead of the others as far as it can. Whether any could run.
    bool run_group(std::size_t begin) {
        bool some = false;
        for (std::size_t i = begin; i < begin + 32; ++i) {
            if (i < used_) {
                Fiber& fiber = *fibers_[i];
                if (fiber.done || fiber.gate->generation == fiber.generation)
                    continue;
                resume(fiber);
            } else if (started_ < threads_) {
                if (i == fibers_.size())
                    fibers_.push_back(std::make_unique<Fiber>());
                prepare(*fibers_[i]);
                used_ = i + 1;
                resume(*fibers_[i]);
            } else {
                break;
            }
            some = true;
        }
        return some;
    }

    void prepare(Fiber& fiber) {
        if (!fiber.stack)
            fiber.stack.reset(new char[stack_bytes]);
        getcontext(&fiber.context);
        fiber.context.uc_stack.ss_sp = fiber.stack.get();
        fiber.context.uc_stack.ss_size = stack_bytes;
        fiber.context.uc_link = nullptr;
        fiber.entered = false;
        fiber.gate = nullptr;
        fiber.done = false;
        makecontext(&fiber.context, &BlockExecutor::enter, 0);
    }

    void resume(Fiber& fiber) {
        fiber_ = &fiber;
        // A jump, and not swapcontext, which would ask the system to save the signals' mask every time.
        if (_setjmp(scheduler_) == 0) {
            if (std::exchange(fiber.entered, true))
                _longjmp(fiber.place, 1);
            swapcontext(&left_, &fiber.context);
        }
        if (error_)
            std::rethrow_exception(std::exchange(error_, nullptr));
    }

    static void enter() {
        running()->run_threads();
        _longjmp(running()->scheduler_, 1);
    }

    void run_threads() {
        Fiber& own = *fiber_;
        while (started_ < threads_ && !error_)
            run_thread(reversed ? threads_ - 1 - started_ : started_);
        own.done = true;
    }

    void run_thread(int thread) {
        ++started_;
        current_ = thread;
        const auto index = static_cast<unsigned>(thread);
        threadIdx =
            dim3(index % blockDim.x, index / blockDim.x % blockDim.y, index / blockDim.x / blockDim.y);
        try {
            (*body_)();
        } catch (...) {
            error_ = std::current_exception();
        }
        warps_[static_cast<std::size_t>(thread / 32)].alive &= ~(1u << thread % 32);
        --alive_;
    }

    void wait(Gate& gate, unsigned expected, Place place) {
        if (gate.arrived > 0 && gate.place != place)
            fail("cuda emulator", "threads wait at ", gate.place.file, ':', gate.place.line, " and at ",
                 place.file, ':', place.line, ": the barrier is not the same for all");
        gate.place = place;
        Fiber& fiber = *fiber_;
        fiber.gate = &gate;
        fiber.generation = gate.generation;
        if (++gate.arrived == expected) {
            gate.arrived = 0;
            ++gate.generation;
            return;  // the last to come goes on
        }
        const dim3 index = threadIdx;
        const int thread = current_;
        if (_setjmp(fiber.place) == 0)
            _longjmp(scheduler_, 1);
        threadIdx = index;
        current_ = thread;
    }

    [[noreturn]] void report_deadlock() const {
        for (std::size_t i = 0; i < used_; ++i)
            if (!fibers_[i]->done)
                fail("cuda emulator", alive_, " of ", threads_, " threads wait at ",
                     fibers_[i]->gate->place.file, ':', fibers_[i]->gate->place.line,
                     ", the others have left the kernel or wait elsewhere");
        fail("cuda emulator", "no thread can run");
    }

    const std::function<void()>* body_ = nullptr;
    std::vector<std::unique_ptr<Fiber>> fibers_;
    Fiber* fiber_ = nullptr;
    std::size_t used_ = 0;  // fibers of this block
    std::vector<Warp> warps_;
    Gate block_gate_;
    jmp_buf scheduler_;
    ucontext_t left_;  // never returned to
    std::exception_ptr error_;
    int threads_ = 0, started_ = 0, current_ = 0;
    unsigned alive_ = 0;
};

/// The executor of the calling CUDA thread.
inline BlockExecutor& executor_of_thread() {
    require(BlockExecutor::running(), "cuda emulator", "a device function was called on the host");
    return *BlockExecutor::running();
}

}  // namespace lafs::inline LAFS_ABI::testing
