// Worker threads and `parallel_for`.
//
// The work is cut into tasks by the caller, by shape alone; which thread runs a task is left open. A task
// writes what no other task writes, so results do not depend on the number of threads.
#pragma once

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <lafs/core/error.hpp>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#if defined(__linux__)
#include <sched.h>
#endif

namespace lafs::inline LAFS_ABI {

/// A fixed team of workers that share the tasks of one loop at a time.
class ThreadTeam {
public:
    explicit ThreadTeam(int threads) {
        for (int i = 1; i < threads; ++i)
            workers_.emplace_back([this] { work(); });
    }

    ~ThreadTeam() {
        {
            std::lock_guard lock(mutex_);
            stop_ = true;
            generation_.fetch_add(1);
        }
        wake_.notify_all();
        for (auto& worker : workers_)
            worker.join();
    }

    int threads() const { return static_cast<int>(workers_.size()) + 1; }

    /// Runs body(0) .. body(tasks - 1), each once. The first exception is rethrown here.
    template <class Body>
    void run(std::int64_t tasks, const Body& body) {
        run(tasks, &body,
            [](const void* context, std::int64_t task) { (*static_cast<const Body*>(context))(task); });
    }

    /// Whether the calling thread runs its loops alone: it is in a task, or SerialLoops says so.
    static bool& inside() {
        thread_local bool value = false;
        return value;
    }

private:
    using Call = void (*)(const void* context, std::int64_t task);

    // The same for any body, which is compiled once this way.
    void run(std::int64_t tasks, const void* context, Call call) {
        if (tasks <= 1 || workers_.empty() || inside()) {
            for (std::int64_t task = 0; task < tasks; ++task)
                call(context, task);
            return;
        }
        std::lock_guard serial(serial_);
        {
            std::lock_guard lock(mutex_);
            call_ = call;
            context_ = context;
            tasks_ = tasks;
            next_.store(0, std::memory_order_relaxed);
            busy_.store(static_cast<int>(workers_.size()), std::memory_order_relaxed);
            generation_.fetch_add(1, std::memory_order_release);
        }
        wake_.notify_all();
        take_tasks();
        for (int spin = 0; busy_.load(std::memory_order_acquire) != 0; ++spin)
            spin < patience ? pause() : std::this_thread::yield();  // the worker may have lost its core
        if (error_)
            std::rethrow_exception(std::exchange(error_, nullptr));
    }

    static constexpr int patience = 2000;  // looks before a waiting thread gives up its core

    static void pause() {
#if defined(__x86_64__)
        __builtin_ia32_pause();
#else
        std::this_thread::yield();
#endif
    }

    void take_tasks() {
        inside() = true;
        for (;;) {
            const std::int64_t task = next_.fetch_add(1, std::memory_order_relaxed);
            if (task >= tasks_)
                break;
            try {
                call_(context_, task);
            } catch (...) {
                std::lock_guard lock(mutex_);
                if (!error_)
                    error_ = std::current_exception();
            }
        }
        inside() = false;
    }

    void work() {
        std::uint64_t seen = 0;
        for (;;) {
            wait_for_generation(seen);
            seen = generation_.load(std::memory_order_acquire);
            if (stop_)
                return;
            take_tasks();
            busy_.fetch_sub(1, std::memory_order_release);
        }
    }

    // Loops follow each other closely in a training step: look for a while before sleeping.
    void wait_for_generation(std::uint64_t seen) {
        for (int spin = 0; spin < patience; ++spin) {
            if (generation_.load(std::memory_order_acquire) != seen)
                return;
            pause();
        }
        std::unique_lock lock(mutex_);
        wake_.wait(lock, [&] { return generation_.load(std::memory_order_acquire) != seen; });
    }

    std::vector<std::thread> workers_;
    std::mutex serial_, mutex_;
    std::condition_variable wake_;
    std::atomic<std::uint64_t> generation_{0};
    std::atomic<std::int64_t> next_{0};
    std::atomic<int> busy_{0};
    std::int64_t tasks_ = 0;
    const void* context_ = nullptr;
    Call call_ = nullptr;
    std::exception_ptr error_;
    bool stop_ = false;
};

/// Cores that this process may use (those of its affinity mask, where the system tells).
inline int available_cores() {
#if defined(__linux__)
    cpu_set_t cores;
    CPU_ZERO(&cores);
    if (sched_getaffinity(0, sizeof cores, &cores) == 0 && CPU_COUNT(&cores) > 0)
        return CPU_COUNT(&cores);
#endif
    return static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
}

/// The process's team; the default is one thread per core.
inline std::unique_ptr<ThreadTeam>& thread_team() {
    static std::unique_ptr<ThreadTeam> team = std::make_unique<ThreadTeam>(available_cores());
    return team;
}

/// Number of threads that parallel loops use.
inline int threads() {
    return thread_team()->threads();
}

/// Sets the number of threads; not while a parallel loop runs. Throws outside 1 .. 1024.
inline void set_threads(int count) {
    require(count >= 1 && count <= 1024, "threads", "got ", count, ", expected 1 .. 1024");
    if (count != threads())
        thread_team() = std::make_unique<ThreadTeam>(count);
}

/// While it lives, parallel loops of this thread run in this thread alone: for threads that work beside the
/// team, whose loops they would hold up.
class SerialLoops {
public:
    SerialLoops() : before_(std::exchange(ThreadTeam::inside(), true)) {}
    ~SerialLoops() { ThreadTeam::inside() = before_; }
    SerialLoops(const SerialLoops&) = delete;
    SerialLoops& operator=(const SerialLoops&) = delete;

private:
    bool before_;
};

/// Runs body(task) for task = 0 .. tasks - 1 on the team. Nested calls run in the calling task.
template <class Body>
void parallel_for(std::int64_t tasks, const Body& body) {
    thread_team()->run(tasks, body);
}

/// Cuts [0, size) into pieces of `grain` and runs body(begin, end) for each.
template <class Body>
void parallel_ranges(std::int64_t size, std::int64_t grain, const Body& body) {
    const std::int64_t tasks = (size + grain - 1) / grain;
    parallel_for(tasks, [&](std::int64_t task) {
        const std::int64_t begin = task * grain;
        body(begin, begin + grain < size ? begin + grain : size);
    });
}

}  // namespace lafs::inline LAFS_ABI
