// A whole product, its pairs of panels shared between the threads of a team.
#pragma once
#include "linear.h"
#include "team.h"

// One row: up to kTogether pairs a task, and a number of tasks that threads share evenly.
template <typename W, typename F>
static inline void multiply_alone(Team &team, const Linear<W> &linear, const Rows<W> &rows,
                                  F &&take) {
    constexpr int kWidth = Linear<W>::kWidth;
    int64_t pairs = linear.num_pairs(), at_once = kTogether<W> * team.size();
    int64_t tasks = std::min(pairs, (pairs + at_once - 1) / at_once * team.size());
    team.run(tasks, [&](int64_t task) {
        int64_t begin = task * pairs / tasks, end = (task + 1) * pairs / tasks;
        typename Linear<W>::A sums[kTogether<W> * kWidth];
        multiply_row(linear, begin, (int)(end - begin), rows, sums);
        for (int64_t p = begin; p < end; p++) take(0, p * kWidth, sums + (p - begin) * kWidth);
    });
}

// `take(row, n, sums)` gets each row's outputs n .. n + kWidth, in any order and by any thread.
template <typename W, typename F>
static inline void multiply_all(Team &team, const Linear<W> &linear, Rows<W> rows, F &&take) {
    constexpr int kWidth = Linear<W>::kWidth;
    rows.prepare(linear.inputs);
    if (rows.count == 1) return multiply_alone(team, linear, rows, take);
    int64_t pairs = linear.num_pairs(), blocks = (rows.count + kBlockRows - 1) / kBlockRows;
    team.run(blocks * pairs, [&](int64_t task) {
        int64_t p = task % pairs, begin = task / pairs * kBlockRows;
        int64_t end = std::min(rows.count, begin + kBlockRows);
        multiply_pair(linear, p, rows, begin, end, [&](int64_t first, auto *sums, int count) {
            for (int r = 0; r < count; r++) take(first + r, p * kWidth, sums + r * kWidth);
        });
    });
}
