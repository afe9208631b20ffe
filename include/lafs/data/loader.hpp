// Batches made ahead of their use by worker threads. The batch of a step is a function of the step alone, so
// the same batches come for any number of workers, and a run can begin at any step.
//
// requires of a maker: a type `Batch`; `begin(step)` makes an empty batch, for one step at a time;
//           `parts(batch)` is the number of its parts; `fill(batch, part)` makes one, called from several
//           threads at once for different parts. What they make depends on step and part alone.
// ensures:  get(step) gives the finished batch, or throws what `begin` or the first bad part threw.
//
//     struct Squares {
//         using Batch = std::vector<std::int64_t>;
//         Batch begin(std::int64_t step) { return Batch(4, step); }
//         std::int64_t parts(const Batch& batch) const { return std::ssize(batch); }
//         void fill(Batch& batch, std::int64_t part) const {
//             batch[part] = batch[part] * batch[part] + part;
//         }
//     };
//     lafs::Loader<Squares> loader({}, /*workers*/ 2, /*end*/ 100);
//     for (std::int64_t step = 0; step < 100; ++step)
//         use(loader.get(step));
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <exception>
#include <lafs/core/error.hpp>
#include <lafs/core/threads.hpp>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

namespace lafs::inline LAFS_ABI {

/// A bounded queue of batches that workers fill part by part. One thread at a time may ask for batches.
template <class Maker>
class Loader {
public:
    using Batch = typename Maker::Batch;

    /// Steps run to `end` - 1. Up to `ahead` batches are made before they are asked for. Without workers the
    /// calling thread makes them, with the team of `parallel_for`.
    Loader(Maker maker, int workers, std::int64_t end, int ahead = 2)
        : maker_(std::move(maker)), end_(end), ahead_(ahead) {
        require(workers >= 0 && workers <= 1024, "loader", "got ", workers, " workers, expected 0 .. 1024");
        require(ahead >= 1, "loader", "got ", ahead, " batches ahead, expected at least 1");
        try {
            for (int i = 0; i < workers; ++i)
                workers_.emplace_back([this] { work(); });
        } catch (...) {  // the system has no more threads
            stop();
            throw;
        }
    }

    /// Waits for the parts in work; batches that nobody asked for are dropped.
    ~Loader() { stop(); }

    Loader(const Loader&) = delete;
    Loader& operator=(const Loader&) = delete;

    int workers() const { return static_cast<int>(workers_.size()); }

    /// The batch of a step. Steps in order are ready soonest; another step starts the queue anew. Throws for
    /// a step outside 0 .. end - 1, and what making the batch threw; the steps behind can still be had.
    Batch get(std::int64_t step) {
        require(step >= 0 && step < end_, "loader", "got step ", step, ", expected 0 to ", end_ - 1);
        const std::shared_ptr<Work> work = workers_.empty() ? make(step) : wait_for(step);
        if (work->error)
            std::rethrow_exception(work->error);
        return std::move(work->batch);
    }

private:
    /// A batch in the making. Workers keep it alive while they fill it, also when nobody wants it any more.
    struct Work {
        std::int64_t step = 0;
        Batch batch{};
        std::int64_t parts = 0, taken = 0, done = 0;
        std::int64_t bad_part = 0;  // the first one that threw
        std::exception_ptr error;

        void note_error(std::int64_t part) {
            if (error && bad_part < part)
                return;
            error = std::current_exception();
            bad_part = part;
        }
    };

    std::shared_ptr<Work> begin(std::int64_t step) {
        auto work = std::make_shared<Work>();
        work->step = step;
        try {
            work->batch = maker_.begin(step);
            work->parts = maker_.parts(work->batch);
        } catch (...) {
            work->note_error(0);
        }
        return work;
    }

    /// Makes a batch here and now.
    std::shared_ptr<Work> make(std::int64_t step) {
        std::shared_ptr<Work> work = begin(step);
        parallel_for(work->parts, [&](std::int64_t part) { fill(*work, part); });
        return work;
    }

    void fill(Work& work, std::int64_t part) {
        try {
            maker_.fill(work.batch, part);
        } catch (...) {
            const std::lock_guard lock(mutex_);
            work.note_error(part);
        }
    }

    std::shared_ptr<Work> wait_for(std::int64_t step) {
        std::unique_lock lock(mutex_);
        if (queue_.empty() ? next_ != step : queue_.front()->step != step) {
            queue_.clear();
            next_ = step;
        }
        wanted_ = true;
        wake_.notify_all();
        ready_.wait(lock, [&] { return !queue_.empty() && queue_.front()->done == queue_.front()->parts; });
        std::shared_ptr<Work> work = queue_.front();
        queue_.pop_front();
        wake_.notify_all();
        return work;
    }

    void work() {
        const SerialLoops serial;
        std::unique_lock lock(mutex_);
        for (;;) {
            wake_.wait(lock, [&] { return stop_ || has_task(); });
            if (stop_)
                return;
            if (queue_.empty() || queue_.back()->taken == queue_.back()->parts) {
                queue_.push_back(begin(next_++));
                if (queue_.back()->parts > 0)
                    wake_.notify_all();
                else
                    ready_.notify_all();
                continue;
            }
            const std::shared_ptr<Work> work = queue_.back();
            const std::int64_t part = work->taken++;
            lock.unlock();
            fill(*work, part);
            lock.lock();
            if (++work->done == work->parts)
                ready_.notify_all();
        }
    }

    /// A part to fill, or room for another batch.
    bool has_task() const {
        if (!queue_.empty() && queue_.back()->taken < queue_.back()->parts)
            return true;
        return wanted_ && next_ < end_ && static_cast<int>(queue_.size()) <= ahead_;
    }

    void stop() {
        {
            const std::lock_guard lock(mutex_);
            stop_ = true;
        }
        wake_.notify_all();
        for (std::thread& worker : workers_)
            worker.join();
        workers_.clear();
    }

    Maker maker_;
    const std::int64_t end_;
    const int ahead_;
    std::mutex mutex_;
    std::condition_variable wake_, ready_;
    std::deque<std::shared_ptr<Work>> queue_;  // steps in order; only the last may have parts to take
    std::int64_t next_ = 0;                    // the step of the next batch that is begun
    bool wanted_ = false;                      // whether a batch was asked for yet: where to begin is known
    bool stop_ = false;
    std::vector<std::thread> workers_;
};

}  // namespace lafs::inline LAFS_ABI
