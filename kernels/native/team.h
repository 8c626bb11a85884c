// Threads that share the tasks of one phase after another.
//
// A phase's tasks are claimed one by one, so a thread that comes late, or never, holds up nobody
// but for the task it has begun. Between phases the others spin for some microseconds, then sleep.
// A thread that the system takes off its core in mid-task can hold up the phase; after such a stall
// the caller goes on alone for as long as it was held up, some times over. Whether work is shared at
// all is decided by what it has cost (`sharing.h`).
#pragma once
#include "sharing.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <thread>
#include <vector>

#if defined(__x86_64__)
#include <immintrin.h>
#define PAUSE() _mm_pause()
#else
#define PAUSE() std::this_thread::yield()
#endif

class Team {
  public:
    explicit Team(int num_threads) {
        for (int i = 1; i < num_threads; i++) threads_.emplace_back([this] { serve(); });
    }
    ~Team() {
        {
            std::lock_guard<std::mutex> guard(mutex_);
            is_over_ = true;
        }
        wake_.notify_all();
        for (auto &thread : threads_) thread.join();
    }
    Team(const Team &) = delete;
    int64_t size() const { return threads_.size() + 1; }

    // Called before a series of phases over these rows, each so many multiplications: decides whether
    // to share them by what is known of work of their kind, and wakes the others.
    void begin(Sharing &sharing, int64_t rows, int64_t size) {
        sharing_ = &sharing;
        is_timed_ = !threads_.empty() && rows * size >= kLeastShared;
        is_shared_ = is_timed_ && sharing.choose(rows);
        if (is_timed_) began_ = now();
        alone_until_ = 0;
        if (!is_shared_) return;
        is_awake_.store(true, std::memory_order_seq_cst);
        if (num_asleep_.load(std::memory_order_seq_cst) > 0) {
            { std::lock_guard<std::mutex> guard(mutex_); }
            wake_.notify_all();
        }
    }
    void end() {
        is_awake_.store(false, std::memory_order_relaxed);
        if (is_timed_) sharing_->note((double)(now() - began_));
    }

    // task(0) .. task(count - 1), in any order, by any thread; returns when all are done.
    template <typename F> void run(int64_t count, F &&task) {
        if (!is_shared_ || count == 1 || (alone_until_ && now() < alone_until_)) {
            for (int64_t i = 0; i < count; i++) task(i);
            return;
        }
        call_.store([](void *context, int64_t i) { (*(std::remove_reference_t<F> *)context)(i); },
                    std::memory_order_relaxed);
        context_.store((void *)&task, std::memory_order_relaxed);
        count_.store(count, std::memory_order_relaxed);
        num_done_.store(0, std::memory_order_relaxed);
        uint64_t epoch = (ticket_.load(std::memory_order_relaxed) >> 32) + 1;
        ticket_.store(epoch << 32, std::memory_order_release);
        work(epoch);
        wait(count);
    }

  private:
    typedef void (*Call)(void *, int64_t);
    static constexpr int kSpins = 2000;          // some tens of microseconds
    static constexpr int64_t kLeastShared = 200'000;  // multiplications that a look is worth for
    static constexpr int64_t kStall = 500'000;        // ns a phase may wait for its last task
    static constexpr int64_t kAlone = 4;              // times a stall's length

    static int64_t now() {
        auto time = std::chrono::steady_clock::now().time_since_epoch();
        return std::chrono::duration_cast<std::chrono::nanoseconds>(time).count();
    }

    // Claim and do tasks of this phase until none is left. What a claim saw of the phase is right:
    // the phase cannot end, nor the next begin, before a claimed task is done.
    void work(uint64_t epoch) {
        for (;;) {
            uint64_t ticket = ticket_.load(std::memory_order_acquire);
            Call call = call_.load(std::memory_order_relaxed);
            void *context = context_.load(std::memory_order_relaxed);
            int64_t count = count_.load(std::memory_order_relaxed);
            if (ticket >> 32 != epoch || (int64_t)(uint32_t)ticket >= count) return;
            if (!ticket_.compare_exchange_weak(ticket, ticket + 1, std::memory_order_acq_rel))
                continue;
            call(context, (int64_t)(uint32_t)ticket);
            num_done_.fetch_add(1, std::memory_order_acq_rel);
        }
    }

    void wait(int64_t count) {
        for (int i = 0; num_done_.load(std::memory_order_acquire) < count; i++) {
            PAUSE();
            if (i < kSpins) continue;
            int64_t start = now();
            while (num_done_.load(std::memory_order_acquire) < count) std::this_thread::yield();
            int64_t held_up = now() - start;
            alone_until_ = held_up > kStall ? now() + kAlone * held_up : 0;
            return;
        }
    }

    void serve() {
        uint64_t seen = 0;
        for (;;) {
            uint64_t epoch = ticket_.load(std::memory_order_acquire) >> 32;
            for (int i = 0; epoch == seen && i < kSpins; i++) {
                PAUSE();
                epoch = ticket_.load(std::memory_order_acquire) >> 32;
            }
            if (epoch != seen) {
                seen = epoch;
                work(epoch);
                continue;
            }
            std::unique_lock<std::mutex> guard(mutex_);
            num_asleep_.fetch_add(1, std::memory_order_seq_cst);
            wake_.wait(guard, [&] { return is_over_ || is_awake_.load(std::memory_order_seq_cst); });
            num_asleep_.fetch_sub(1, std::memory_order_seq_cst);
            if (is_over_) return;
        }
    }

    std::vector<std::thread> threads_;
    std::mutex mutex_;
    std::condition_variable wake_;
    Sharing *sharing_ = nullptr;
    bool is_over_ = false, is_shared_ = false, is_timed_ = false;
    int64_t began_ = 0, alone_until_ = 0;
    std::atomic<bool> is_awake_{false};
    std::atomic<int> num_asleep_{0};
    std::atomic<Call> call_{nullptr};
    std::atomic<void *> context_{nullptr};
    std::atomic<int64_t> count_{0}, num_done_{0};
    std::atomic<uint64_t> ticket_{0};
};
