// Attention of query rows over the blocks where keys and values lie.
#pragma once
#include "vectors.h"

#include <algorithm>
#include <limits>
#include <vector>

// Bytes behind a head's numbers in the cache: the scale of an int8 row (`pack_rows` of reference.py).
template <typename T> constexpr int64_t kScaleBytes = std::is_same_v<T, int8_t> ? 4 : 0;

// Cache type T; queries and outputs of type Q.
template <typename T, typename Q> struct Attention {
    using A = typename Computed<T>::scalar;
    using V = typename Computed<T>::vector;
    static constexpr int kLanes = lanes<V>();
    static constexpr int kTile = 4;  // query rows whose sums stay in registers
    static constexpr int kMaskRows = 63;  // MASK_ROWS of reference.py
    static constexpr A kHidden = -std::numeric_limits<A>::infinity();
    static constexpr int kKeys = 8;  // whose sums are taken together
    static constexpr int kSpan = 16;  // query rows of a task

    const Q *query;
    const T *cache;
    const int64_t *tables, *starts, *contexts, *ancestors;
    const int64_t *positions;  // of the rows; read where a tree lies in a window
    Q *output;
    int64_t query_stride, output_stride, table_width, num_blocks, block_size, heads, groups, width;
    int64_t window;  // positions a row sees back, its own included; 0 for all
    double scale;

    static int64_t num_spans(int64_t rows) { return (rows + kSpan - 1) / kSpan; }

    // A span of one sequence's rows for some of its key/value heads: all rows of a head's group of
    // query heads together. `key`s it cannot see are not even read.
    void run(int64_t sequence, int64_t first_group, int64_t num_groups, int64_t span) const {
        int64_t first = starts[sequence], all = starts[sequence + 1] - first;
        int64_t before = contexts[sequence] - all;
        int64_t skipped = span * kSpan, num_rows = std::min<int64_t>(kSpan, all - skipped);
        int64_t fold = heads / groups, each = num_rows * fold, total = num_groups * each;
        bool is_tree = ancestors && all <= kMaskRows;
        int64_t context = is_tree ? before + all : before + skipped + num_rows;
        int64_t lowest = is_tree ? before : before + skipped;  // of the rows' positions
        int64_t begin = window ? std::max<int64_t>(0, lowest - window + 1) : 0;
        begin = begin / block_size * block_size;
        int64_t seen = context - begin, padded = (seen + kLanes - 1) / kLanes * kLanes;
        static thread_local std::vector<A> scratch;
        if ((int64_t)scratch.size() < total * (padded + 2 * width))
            scratch.resize(total * (padded + 2 * width));
        A *scores = scratch.data(), *rows = scores + total * padded, *sums = rows + total * width;
        auto row_of = [&](int64_t r) { return skipped + r % each / fold; };
        auto head_of = [&](int64_t r) { return (first_group + r / each) * fold + r % fold; };
        for (int64_t r = 0; r < total; r++) {
            const Q *q = query + (first + row_of(r)) * query_stride + head_of(r) * width;
            for (int64_t d = 0; d < width; d++) rows[r * width + d] = widen(q[d]) * (A)scale;
        }
        for (int64_t j = begin; j < context; j += block_size) {
            bool is_last = j + block_size >= context;
            int64_t count = std::min(block_size, context - j);
            for (int64_t g = 0; g < num_groups; g++) {
                const T *keys = block(0, sequence, j, first_group + g);
                fetch(is_last ? block(1, sequence, begin, first_group + g)
                              : block(0, sequence, j + block_size, first_group + g));
                A *seen_by = scores + g * each * padded + j - begin;
                for (int64_t r = 0; r < each; r += kTile)
                    score(rows + (g * each + r) * width, keys, seen_by + r * padded, padded,
                          each - r, count);
                rescale(seen_by, keys, padded, each, count);
            }
        }
        for (int64_t r = 0; r < total; r++) {
            A *row = scores + r * padded;
            if (is_tree)
                hide_tree(row, begin, context, before, row_of(r), first);
            else
                hide(row, begin, context, before + row_of(r));
            for (int64_t j = seen; j < padded; j++) row[j] = kHidden;
            soften(row, padded);
        }
        std::fill(sums, sums + total * width, (A)0);
        for (int64_t j = begin; j < context; j += block_size) {
            int64_t count = std::min(block_size, context - j);
            for (int64_t g = 0; g < num_groups; g++) {
                const T *values = block(1, sequence, j, first_group + g);
                if (j + block_size < context)
                    fetch(block(1, sequence, j + block_size, first_group + g));
                A *seen_by = scores + g * each * padded + j - begin;
                rescale(seen_by, values, padded, each, count);
                for (int64_t r = 0; r < each; r += kTile)
                    collect(seen_by + r * padded, values, sums + (g * each + r) * width, padded,
                            each - r, count);
            }
        }
        for (int64_t r = 0; r < total; r++) {
            Q *out = output + (first + row_of(r)) * output_stride + head_of(r) * width;
            for (int64_t d = 0; d < width; d++) out[d] = narrow<Q>(sums[r * width + d]);
        }
    }

  private:
    // Keys (0) or values (1) of a head from `position`, the first of its block; slots lie
    // groups * width apart.
    const T *block(int which, int64_t sequence, int64_t position, int64_t group) const {
        int64_t id = tables[sequence * table_width + position / block_size];
        return cache + which * num_blocks * block_size * slot_size() + id * block_size * slot_size() +
               group * (width + kScaleBytes<T>);
    }
    int64_t slot_size() const { return groups * (width + kScaleBytes<T>); }

    // What was computed with an int8 row is as many times its scale.
    void rescale(A *scores, const T *rows, int64_t stride, int64_t num_rows, int64_t count) const {
        if constexpr (kScaleBytes<T> > 0)
            for (int64_t j = 0; j < count; j++) {
                float scale;
                memcpy(&scale, rows + j * slot_size() + width, sizeof scale);
                for (int64_t r = 0; r < num_rows; r++) scores[r * stride + j] *= scale;
            }
    }

    // Ask for a block before it is needed: blocks lie anywhere, and their slots too far apart for
    // the processor to guess the next.
    void fetch(const T *block) const {
        constexpr int64_t kLine = 64 / sizeof(T);
        for (int64_t j = 0; j < block_size; j++)
            for (int64_t d = 0; d < width; d += kLine)
                __builtin_prefetch(block + j * slot_size() + d);
    }

    void score(const A *rows, const T *keys, A *scores, int64_t stride, int64_t left,
               int64_t count) const {
        if (left >= kTile) return score_tile<kTile>(rows, keys, scores, stride, count);
        if (left == 3) return score_tile<3>(rows, keys, scores, stride, count);
        if (left == 2) return score_tile<2>(rows, keys, scores, stride, count);
        score_tile<1>(rows, keys, scores, stride, count);
    }

    // A few keys at once, each with a sum of its own for every row, so that none waits for another.
    template <int R>
    void score_tile(const A *rows, const T *keys, A *scores, int64_t stride, int64_t count) const {
        constexpr int kSome = R == 1 ? 8 : R == 4 ? 2 : 4;
        for (int64_t first = 0; first < count; first += kKeys) {
            int64_t last = std::min<int64_t>(kKeys, count - first) - 1;
            V totals[R][kKeys];
            for (int some = 0; some < kKeys; some += kSome) {
                V total[R][kSome] = {};
                const T *key[kSome];
                for (int j = 0; j < kSome; j++)
                    key[j] = keys + (first + std::min<int64_t>(some + j, last)) * slot_size();
                for (int64_t d = 0; d < width; d += kLanes) {
                    V query[R];
                    for (int r = 0; r < R; r++) query[r] = load(rows + r * width + d);
                    for (int j = 0; j < kSome; j++) {
                        V k = load(key[j] + d);
                        for (int r = 0; r < R; r++) total[r][j] += query[r] * k;
                    }
                }
                for (int r = 0; r < R; r++)
                    for (int j = 0; j < kSome; j++) totals[r][some + j] = total[r][j];
            }
            for (int r = 0; r < R; r++) {
                // Always so taken: a row's sums do not depend on its neighbours.
                A dots[kKeys], *out = scores + r * stride + first;
                sum_each(totals[r], last == kKeys - 1 ? out : dots);
                for (int64_t j = 0; last < kKeys - 1 && j <= last; j++) out[j] = dots[j];
            }
        }
    }

    void collect(const A *scores, const T *values, A *sums, int64_t stride, int64_t left,
                 int64_t count) const {
        if (left >= kTile) return collect_tile<kTile>(scores, values, sums, stride, count);
        if (left == 3) return collect_tile<3>(scores, values, sums, stride, count);
        if (left == 2) return collect_tile<2>(scores, values, sums, stride, count);
        collect_tile<1>(scores, values, sums, stride, count);
    }

    // As many sums at once as registers hold: each waits for the one before it.
    template <int R>
    void collect_tile(const A *scores, const T *values, A *sums, int64_t stride,
                      int64_t count) const {
        constexpr int kWide = R == 3 ? 4 : 8 / R;
        int64_t d = 0;
        for (; d + kWide * kLanes <= width; d += kWide * kLanes)
            collect_part<R, kWide>(scores, values + d, sums + d, stride, count);
        for (; d < width; d += kLanes)
            collect_part<R, 1>(scores, values + d, sums + d, stride, count);
    }

    template <int R, int C>
    void collect_part(const A *scores, const T *values, A *sums, int64_t stride,
                      int64_t count) const {
        V total[R][C];
        for (int r = 0; r < R; r++)
            for (int c = 0; c < C; c++) total[r][c] = load(sums + r * width + c * kLanes);
        for (int64_t j = 0; j < count; j++) {
            const T *value = values + j * slot_size();
            for (int c = 0; c < C; c++) {
                V v = load(value + c * kLanes);
                for (int r = 0; r < R; r++) total[r][c] += scores[r * stride + j] * v;
            }
        }
        for (int r = 0; r < R; r++)
            for (int c = 0; c < C; c++) store(sums + r * width + c * kLanes, total[r][c]);
    }

    // Scores of what the row at a position may not see become -infinity.
    void hide(A *scores, int64_t begin, int64_t context, int64_t position) const {
        for (int64_t j = position + 1; j < context; j++) scores[j - begin] = kHidden;
        for (int64_t j = begin; window && j <= position - window; j++) scores[j - begin] = kHidden;
    }

    // A tree's row sees its ancestors only, and they stand as deep as their positions say.
    void hide_tree(A *scores, int64_t begin, int64_t context, int64_t before, int64_t row,
                   int64_t first) const {
        int64_t horizon = window ? positions[first + row] - window : -1;
        for (int64_t j = begin; j < std::min(before, horizon + 1); j++) scores[j - begin] = kHidden;
        for (int64_t j = before; j < context; j++) {
            bool is_near = !window || positions[first + j - before] > horizon;
            bool sees = is_near && (ancestors[first + row] >> (j - before)) & 1;
            if (!sees) scores[j - begin] = kHidden;
        }
    }

    // Softmax; what is hidden becomes exactly 0.
    void soften(A *scores, int64_t padded) const {
        V tops = V{} + kHidden;
        for (int64_t j = 0; j < padded; j += kLanes) {
            V x = load(scores + j);
            tops = x > tops ? x : tops;
        }
        A top = tops[0];
        for (int i = 1; i < kLanes; i++) top = std::max(top, tops[i]);
        V total = {};
        for (int64_t j = 0; j < padded; j += kLanes) {
            V x = load(scores + j);
            V e = x == kHidden ? V{} : exponential(x - top);
            store(scores + j, e);
            total += e;
        }
        A inverse = 1 / sum(total);
        for (int64_t j = 0; j < padded; j += kLanes)
            store(scores + j, load(scores + j) * inverse);
    }
};
