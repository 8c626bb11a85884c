// The CPU's share of kernels/: what torch would do in many small calls, in one each.
//
// Every function has its truth in kernels/reference.py. `type` is 0 float, 1 bfloat16, 2 double;
// shapes are in elements and use the letters of reference.py. Short work stays on one thread, for
// waking another costs about ten microseconds.
#include "vectors.h"

#include <algorithm>
#include <limits>
#include <type_traits>
#include <vector>

namespace {

constexpr int64_t kParallelElements = 1 << 15;

template <typename F> void by_type(int type, F &&run) {
    if (type == 0) run((float *)nullptr);
    if (type == 1) run((bfloat16 *)nullptr);
    if (type == 2) run((double *)nullptr);
}

// ---------------------------------------------------------------- attention

template <typename T> struct Attention {
    using A = typename Computed<T>::scalar;
    using V = typename Computed<T>::vector;
    static constexpr int kLanes = lanes<V>();
    static constexpr int kTile = 4;  // query rows whose sums stay in registers

    const T *query, *cache;
    const int64_t *tables, *starts, *contexts, *ancestors;
    T *output;
    int64_t table_width, num_blocks, block_size, heads, groups, width;
    double scale;

    // One sequence and one key/value head: all query rows of its group of heads together.
    void run(int64_t sequence, int64_t group) const {
        int64_t first = starts[sequence], num_rows = starts[sequence + 1] - first;
        int64_t context = contexts[sequence], before = context - num_rows;
        int64_t fold = heads / groups, total = num_rows * fold;
        int64_t padded = (context + kLanes - 1) / kLanes * kLanes;
        static thread_local std::vector<A> scratch;
        scratch.resize(total * (padded + 2 * width));
        A *scores = scratch.data(), *rows = scores + total * padded, *sums = rows + total * width;
        for (int64_t r = 0; r < total; r++) {
            const T *q = query + ((first + r / fold) * heads + group * fold + r % fold) * width;
            for (int64_t d = 0; d < width; d++) rows[r * width + d] = widen(q[d]) * (A)scale;
        }
        for (int64_t j = 0; j < context; j += block_size) {
            const T *keys = block(0, sequence, j, group);
            int64_t count = std::min(block_size, context - j);
            for (int64_t r = 0; r < total; r += kTile)
                score(rows + r * width, keys, scores + r * padded + j, padded, total - r, count);
        }
        for (int64_t r = 0; r < total; r++)
            soften(scores + r * padded, context, padded, before, r / fold, first);
        std::fill(sums, sums + total * width, (A)0);
        for (int64_t j = 0; j < context; j += block_size) {
            const T *values = block(1, sequence, j, group);
            int64_t count = std::min(block_size, context - j);
            for (int64_t r = 0; r < total; r += kTile)
                collect(scores + r * padded + j, values, sums + r * width, padded, total - r, count);
        }
        for (int64_t r = 0; r < total; r++) {
            T *out = output + ((first + r / fold) * heads + group * fold + r % fold) * width;
            for (int64_t d = 0; d < width; d++) out[d] = narrow<T>(sums[r * width + d]);
        }
    }

    // Keys (0) or values (1) of a head from `position`, the first of its block; slots lie
    // groups * width apart.
    const T *block(int which, int64_t sequence, int64_t position, int64_t group) const {
        int64_t id = tables[sequence * table_width + position / block_size];
        return cache + (((which * num_blocks + id) * block_size) * groups + group) * width;
    }

    void score(const A *rows, const T *keys, A *scores, int64_t stride, int64_t left,
               int64_t count) const {
        int tile = (int)std::min<int64_t>(kTile, left);
        for (int64_t j = 0; j < count; j++) {
            const T *key = keys + j * groups * width;
            V total[kTile] = {};
            if (tile == kTile) {
                for (int64_t d = 0; d < width; d += kLanes) {
                    V k = load(key + d);
                    for (int r = 0; r < kTile; r++) total[r] += load(rows + r * width + d) * k;
                }
            } else {
                for (int64_t d = 0; d < width; d += kLanes) {
                    V k = load(key + d);
                    for (int r = 0; r < tile; r++) total[r] += load(rows + r * width + d) * k;
                }
            }
            for (int r = 0; r < tile; r++) scores[r * stride + j] = sum(total[r]);
        }
    }

    void collect(const A *scores, const T *values, A *sums, int64_t stride, int64_t left,
                 int64_t count) const {
        int tile = (int)std::min<int64_t>(kTile, left);
        for (int64_t d = 0; d < width; d += kLanes) {
            V total[kTile] = {};
            for (int r = 0; r < tile; r++) total[r] = load(sums + r * width + d);
            for (int64_t j = 0; j < count; j++) {
                V v = load(values + j * groups * width + d);
                for (int r = 0; r < kTile; r++)
                    total[r] += scores[std::min(r, tile - 1) * stride + j] * v;
            }
            for (int r = 0; r < tile; r++) store(sums + r * width + d, total[r]);
        }
    }

    // Softmax of one row over what it may see; the rest becomes exactly 0.
    void soften(A *scores, int64_t context, int64_t padded, int64_t before, int64_t row,
                int64_t first) const {
        const A low = -std::numeric_limits<A>::infinity();
        for (int64_t j = before; j < context; j++) {
            bool sees = ancestors ? (ancestors[first + row] >> (j - before)) & 1 : j - before <= row;
            if (!sees) scores[j] = low;
        }
        for (int64_t j = context; j < padded; j++) scores[j] = low;
        A top = low;
        for (int64_t j = 0; j < context; j++) top = std::max(top, scores[j]);
        V total = {};
        for (int64_t j = 0; j < padded; j += kLanes) {
            V x = load(scores + j);
            V e = x == low ? V{} : exponential(x - top);
            store(scores + j, e);
            total += e;
        }
        A inverse = 1 / sum(total);
        for (int64_t j = 0; j < padded; j += kLanes)
            store(scores + j, load(scores + j) * inverse);
    }
};

// ---------------------------------------------------------------- layers

// Every result is rounded where torch rounds it: the scaled row first, then times the weight.
template <typename T>
void norm_row(const T *x, const T *weight, T *out, int64_t width, double eps) {
    using A = typename Computed<T>::scalar;
    using V = typename Computed<T>::vector;
    constexpr int step = lanes<V>();
    int64_t whole = width / step * step;
    V squares = {};
    for (int64_t d = 0; d < whole; d += step) squares += load(x + d) * load(x + d);
    A total = sum(squares);
    for (int64_t d = whole; d < width; d++) total += widen(x[d]) * widen(x[d]);
    A scale = 1 / std::sqrt(total / width + (A)eps);
    for (int64_t d = 0; d < whole; d += step)
        store(out + d, rounded<T>(load(x + d) * scale) * load(weight + d));
    for (int64_t d = whole; d < width; d++)
        out[d] = narrow<T>(widen(narrow<T>(widen(x[d]) * scale)) * widen(weight[d]));
}

template <typename T> void add_row(T *x, const T *branch, int64_t width) {
    constexpr int step = lanes<typename Computed<T>::vector>();
    int64_t whole = width / step * step;
    for (int64_t d = 0; d < whole; d += step) store(x + d, load(x + d) + load(branch + d));
    for (int64_t d = whole; d < width; d++) x[d] = narrow<T>(widen(x[d]) + widen(branch[d]));
}

template <typename T> void swiglu_row(const T *row, T *out, int64_t width) {
    using A = typename Computed<T>::scalar;
    using V = typename Computed<T>::vector;
    constexpr int step = lanes<V>();
    int64_t whole = width / step * step;
    for (int64_t d = 0; d < whole; d += step) {
        V gate = load(row + d);
        V small = exponential(gate < 0 ? gate : -gate);
        V sigmoid = (gate < 0 ? small : (V{} + 1)) / (1 + small);
        store(out + d, rounded<T>(gate * sigmoid) * load(row + width + d));
    }
    for (int64_t d = whole; d < width; d++) {
        A gate = widen(row[d]);
        out[d] = narrow<T>(widen(narrow<T>(gate / (1 + std::exp(-gate)))) * widen(row[width + d]));
    }
}

// The halves of a head turn by the angles of the row's position.
template <typename T>
void rotate(const T *x, const T *cos, const T *sin, T *out, int64_t width) {
    using V = typename Computed<T>::vector;
    constexpr int step = lanes<V>();
    int64_t half = width / 2, whole = half / step * step;
    for (int64_t d = 0; d < whole; d += step) {
        V a = load(x + d), b = load(x + d + half), c = load(cos + d), s = load(sin + d);
        store(out + d, rounded<T>(a * c) - rounded<T>(b * s));
        store(out + d + half, rounded<T>(b * c) + rounded<T>(a * s));
    }
    for (int64_t d = whole; d < half; d++) {
        auto a = widen(x[d]), b = widen(x[d + half]), c = widen(cos[d]), s = widen(sin[d]);
        out[d] = narrow<T>(widen(narrow<T>(a * c)) - widen(narrow<T>(b * s)));
        out[d + half] = narrow<T>(widen(narrow<T>(b * c)) + widen(narrow<T>(a * s)));
    }
}

}  // namespace

extern "C" {

void paged_attention(int type, const void *query, const void *cache, const int64_t *tables,
                     const int64_t *starts, const int64_t *contexts, const int64_t *ancestors,
                     void *output, const int64_t *members, int64_t num_members,
                     int64_t table_width, int64_t num_blocks, int64_t block_size, int64_t heads,
                     int64_t groups, int64_t width, double scale, int threads) {
    int64_t work = 0;
    for (int64_t i = 0; i < num_members; i++) work += contexts[members[i]] * heads * width;
    by_type(type, [&](auto *tag) {
        using T = std::remove_pointer_t<decltype(tag)>;
        Attention<T> attention{(const T *)query, (const T *)cache, tables, starts, contexts,
                               ancestors, (T *)output, table_width, num_blocks, block_size,
                               heads, groups, width, scale};
#pragma omp parallel for num_threads(threads) schedule(dynamic, 1) if (work > 4 * kParallelElements)
        for (int64_t task = 0; task < num_members * groups; task++)
            attention.run(members[task / groups], task % groups);
    });
}

// x += branch (where there is one), out = norm(x) * weight.
void add_rms_norm(int type, void *x, const void *branch, const void *weight, void *out,
                  int64_t num_rows, int64_t width, double eps, int threads) {
    by_type(type, [&](auto *tag) {
        using T = std::remove_pointer_t<decltype(tag)>;
#pragma omp parallel for num_threads(threads) if (num_rows * width > kParallelElements)
        for (int64_t t = 0; t < num_rows; t++) {
            T *row = (T *)x + t * width;
            if (branch) add_row(row, (const T *)branch + t * width, width);
            norm_row(row, (const T *)weight, (T *)out + t * width, width, eps);
        }
    });
}

void swiglu(int type, const void *gate_up, void *out, int64_t num_rows, int64_t width,
            int threads) {
    by_type(type, [&](auto *tag) {
        using T = std::remove_pointer_t<decltype(tag)>;
#pragma omp parallel for num_threads(threads) if (num_rows * width > kParallelElements)
        for (int64_t t = 0; t < num_rows; t++)
            swiglu_row((const T *)gate_up + 2 * t * width, (T *)out + t * width, width);
    });
}

// Rotate queries into `query` and keys into the cache, copy values into the cache.
void rotate_and_store(int type, const void *qkv, const void *cos, const void *sin,
                      const int64_t *positions, const int64_t *slots, void *query, void *cache,
                      int64_t num_rows, int64_t heads, int64_t groups, int64_t width,
                      int64_t num_slots, int threads) {
    by_type(type, [&](auto *tag) {
        using T = std::remove_pointer_t<decltype(tag)>;
        int64_t row_width = (heads + 2 * groups) * width;
#pragma omp parallel for num_threads(threads) if (num_rows * row_width > kParallelElements)
        for (int64_t t = 0; t < num_rows; t++) {
            const T *row = (const T *)qkv + t * row_width;
            const T *c = (const T *)cos + positions[t] * (width / 2);
            const T *s = (const T *)sin + positions[t] * (width / 2);
            T *keys = (T *)cache + slots[t] * groups * width;
            T *values = (T *)cache + (num_slots + slots[t]) * groups * width;
            for (int64_t h = 0; h < heads; h++)
                rotate(row + h * width, c, s, (T *)query + (t * heads + h) * width, width);
            for (int64_t g = 0; g < groups; g++)
                rotate(row + (heads + g) * width, c, s, keys + g * width, width);
            memcpy(values, row + (heads + groups) * width, groups * width * sizeof(T));
        }
    });
}

}  // extern "C"
