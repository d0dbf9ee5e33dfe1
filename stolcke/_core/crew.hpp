// Threads that wait for jobs, and those who wait for a job: the part of crew.pyx that runs without Python.
//
// A job is a list of pieces, taken one after the other by whoever has time: a counter says which is the next.
// Workers sleep where there is no job.  What a piece is, only the job's owner knows.

#ifndef STOLCKE_CREW_HPP
#define STOLCKE_CREW_HPP

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <mutex>

namespace stolcke {

struct Job {
    void* owner = nullptr;              // must live until no queue and no worker has the job any more
    std::atomic<std::size_t> next{0};   // the first piece that nobody has taken
    std::size_t pieces = 0;
    std::atomic<bool> dropped{false};   // workers are to leave it as soon as they can
    unsigned most = 0;                  // workers at a time
    unsigned helpers = 0;               // workers that have it now; this and the next under the crew's mutex
    bool queued = false;

    // The next piece, or `pieces` where all are taken.
    std::size_t take() noexcept {
        std::size_t piece = next.fetch_add(1, std::memory_order_relaxed);
        return piece < pieces ? piece : pieces;
    }
};

class Crew {
    std::mutex mutex;
    std::condition_variable posted, left;
    std::deque<Job*> queue;
    std::atomic<bool> closing{false};

    void unqueue(Job* job) noexcept {
        if (!job->queued) return;
        queue.erase(std::find(queue.begin(), queue.end(), job));
        job->queued = false;
    }

public:
    // Offer a job to at most so many workers; may throw, and then nothing has happened.
    void post(Job* job, unsigned most) {
        {
            std::lock_guard<std::mutex> lock(mutex);
            queue.push_back(job);
            job->queued = true;
            job->most = most;
        }
        if (most == 1) {
            posted.notify_one();
        } else {
            posted.notify_all();
        }
    }

    // For a worker: wait for a job; none where the crew is to end.
    Job* take() noexcept {
        std::unique_lock<std::mutex> lock(mutex);
        posted.wait(lock, [this] { return closing || !queue.empty(); });
        if (closing) return nullptr;
        Job* job = queue.front();
        if (++job->helpers >= job->most) unqueue(job);
        return job;
    }

    // For a worker: it has found no more to do in a job.
    void leave(Job* job) noexcept {
        std::lock_guard<std::mutex> lock(mutex);
        unqueue(job);
        // Under the mutex: once it is free, whoever waited may let go of the job.
        if (--job->helpers == 0) left.notify_all();
    }

    // Let no further worker take a job, and wait a while for those that have it; whether none has it any more.
    bool reclaim(Job* job, unsigned milliseconds) noexcept {
        std::unique_lock<std::mutex> lock(mutex);
        unqueue(job);
        return left.wait_for(lock, std::chrono::milliseconds(milliseconds), [job] { return job->helpers == 0; });
    }

    // Whether nobody but its owner knows a job.
    bool is_free(const Job* job) noexcept {
        std::lock_guard<std::mutex> lock(mutex);
        return !job->queued && job->helpers == 0;
    }

    bool is_closing() const noexcept { return closing.load(std::memory_order_relaxed); }

    void close() noexcept {
        std::lock_guard<std::mutex> lock(mutex);
        closing = true;
        posted.notify_all();
    }
};

}  // namespace stolcke

#endif
