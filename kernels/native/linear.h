// Products of few or many rows with a weight that was packed once.
//
// Outputs lie in pairs of panels; a panel holds two vectors of outputs over all inputs, in the
// order they are read. Few rows read both panels at once, many rows one after the other from the
// nearest cache; one row alone reads up to three pairs at once. Every output is one sum in the order
// of its inputs, whatever the number of rows or threads: so a row's result never depends on its
// neighbours. int8 weights (one scale an output) meet rows rounded to 12 bits, and their sums are
// exact.
#pragma once
#include "vectors.h"

#include <algorithm>
#include <utility>
#include <vector>

constexpr int kVectors = 4;  // of a pair of panels
constexpr int kRows = 5;     // whose sums stay in registers together

template <typename W> struct Packing {
    using A = typename Computed<W>::scalar;
    using V = typename Computed<W>::vector;
    static constexpr int kLanes = lanes<V>();
    static constexpr int kColumns = kVectors * kLanes;
    static constexpr int kGroup = 1;  // inputs side by side
};
template <> struct Packing<bfloat16> : Packing<float> {
    static constexpr int kGroup = 2;
};
template <> struct Packing<int8_t> : Packing<float> {
    static constexpr int kLanes = 8;  // of 32-bit integers in 32 bytes, on any machine
    static constexpr int kColumns = kVectors * kLanes;
    static constexpr int kGroup = 2;
};

template <typename W> struct Linear {
    using A = typename Packing<W>::A;
    const W *panels;      // [ceil(outputs / kColumns), 2, ceil(inputs / kGroup), kColumns / 2, kGroup]
    const float *scales;  // [outputs padded], int8 only
    const A *bias;        // [outputs padded] or null
    int64_t outputs, inputs;

    static constexpr int kWidth = Packing<W>::kColumns;
    int64_t num_pairs() const { return (outputs + kWidth - 1) / kWidth; }
    int64_t groups() const { return (inputs + Packing<W>::kGroup - 1) / Packing<W>::kGroup; }
    int64_t panel_size() const { return groups() * kWidth / 2 * Packing<W>::kGroup; }
    const W *pair(int64_t p) const { return panels + 2 * p * panel_size(); }
};

// Rows as a product reads them: as they are, or rounded to integers with one scale each.
template <typename W> struct Rows {
    using A = typename Packing<W>::A;
    const A *x;
    int64_t stride, count;
    void prepare(int64_t) {}
    const A *row(int64_t r) const { return x + r * stride; }
};
template <> struct Rows<int8_t> {
    const float *x;
    int64_t stride, count;
    std::vector<int16_t> *rounded;
    std::vector<float> *scales;

    // The largest integer whose products with int8 never overflow the sum of a row.
    void prepare(int64_t inputs) {
        float most = std::min<float>(2047, (float)((1ll << 31) / (127 * inputs)));
        rounded->resize(count * (inputs + inputs % 2));
        scales->resize(count);
        for (int64_t r = 0; r < count; r++) {
            const float *row = x + r * stride;
            int16_t *out = rounded->data() + r * (inputs + inputs % 2);
            float largest = 0;
            for (int64_t k = 0; k < inputs; k++) largest = std::max(largest, std::fabs(row[k]));
            bool is_sound = largest <= 3e38f && largest > 1e-30f;
            float factor = is_sound ? most / largest : 0;
            // What is not a number must stay one that shows.
            (*scales)[r] = is_sound ? largest / most : largest <= 3e38f ? 0 : NAN;
            for (int64_t k = 0; k < inputs; k++) {
                float value = row[k] * factor;
                if (value != value) (*scales)[r] = NAN;
                out[k] = (int16_t)(value == value ? (int)(value + (value < 0 ? -0.5f : 0.5f)) : 0);
            }
            if (inputs % 2) out[inputs] = 0;
        }
    }
    const int16_t *row(int64_t r, int64_t inputs) const {
        return rounded->data() + r * (inputs + inputs % 2);
    }
};

// f(0) .. f(N - 1), written out before the compiler decides what stays in registers: an array that
// is indexed by a loop which it unrolls later lies in memory.
template <typename F, int... i>
[[gnu::always_inline]] static inline void written_out(std::integer_sequence<int, i...>, F &&f) {
    (f(i), ...);
}
template <int N, typename F> [[gnu::always_inline]] static inline void written_out(F &&f) {
    written_out(std::make_integer_sequence<int, N>(), f);
}

// `sums`: R rows of kColumns; vectors first .. first + C from a pair on, of one row also those of
// the pairs behind it. A function of its own: where it is
// inlined, what surrounds it takes registers from its sums.
template <int R, int C, typename W, typename A>
[[gnu::noinline]] static void multiply(const Linear<W> &linear, const W *pair, const A *x,
                                       int64_t stride, int first, A *sums) {
    static_assert(R == 1 || C <= kVectors, "rows of sums would overlap");
    using P = Packing<W>;
    using V = typename P::V;
    constexpr int kStep = P::kColumns / 2 * P::kGroup;
    V totals[C][R] = {};
    auto add = [&](int c, V left, V right, const A *inputs) __attribute__((always_inline)) {
        written_out<R>([&](int r) __attribute__((always_inline)) {
            totals[c][r] += left * inputs[r * stride];
            totals[c + 1][r] += right * inputs[r * stride];
        });
    };
    const W *panel = pair + first / 2 * linear.panel_size();
    for (int64_t k = 0; k < linear.inputs; k += P::kGroup) {
        // Both vectors of a panel, then row by row: so that all fits into registers.
        written_out<C / 2>([&](int i) __attribute__((always_inline)) {
            const W *at = panel + i * linear.panel_size();
            if constexpr (P::kGroup == 2) {
                words left, right;
                memcpy(&left, at, sizeof left);
                memcpy(&right, at + P::kLanes * 2, sizeof right);
                add(2 * i, (V)(left << 16), (V)(right << 16), x + k);
                add(2 * i, (V)(left & 0xffff0000), (V)(right & 0xffff0000), x + k + 1);
            } else {
                add(2 * i, load(at), load(at + P::kLanes), x + k);
            }
        });
        panel += kStep;
    }
    for (int r = 0; r < R; r++)
        for (int c = 0; c < C; c++)
            store(sums + r * P::kColumns + (first + c) * P::kLanes, totals[c][r]);
}

#ifdef __AVX2__
template <int R, int C>
static inline void multiply_integers(const int8_t *pair, const int16_t *const *x, int64_t groups,
                                     int first, int32_t *sums) {
    __m256i totals[C][R] = {};
    const int8_t *panel = pair + first / 2 * groups * 32;
    for (int64_t g = 0; g < groups; g++) {
        written_out<C>([&](int c) __attribute__((always_inline)) {
            const int8_t *at = panel + c / 2 * groups * 32 + c % 2 * 16;
            __m256i weight = _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)at));
            written_out<R>([&](int r) __attribute__((always_inline)) {
                int32_t both;
                memcpy(&both, x[r] + 2 * g, 4);
                totals[c][r] = _mm256_add_epi32(
                    totals[c][r], _mm256_madd_epi16(weight, _mm256_set1_epi32(both)));
            });
        });
        panel += 32;
    }
    for (int r = 0; r < R; r++)
        for (int c = 0; c < C; c++)
            _mm256_storeu_si256((__m256i *)(sums + r * 32 + (first + c) * 8), totals[c][r]);
}
#else
template <int R, int C>
static inline void multiply_integers(const int8_t *pair, const int16_t *const *x, int64_t groups,
                                     int first, int32_t *sums) {
    for (int r = 0; r < R; r++)
        for (int n = first * 8; n < (first + C) * 8; n++) {
            const int8_t *weights = pair + n / 16 * groups * 32 + n % 16 * 2;
            int32_t total = 0;
            for (int64_t g = 0; g < groups; g++)
                total += weights[g * 32] * x[r][2 * g] + weights[g * 32 + 1] * x[r][2 * g + 1];
            sums[r * 32 + n] = total;
        }
}
#endif

#ifdef __AVX512F__
constexpr int kRegisters = 24;  // of 32, for sums
#else
constexpr int kRegisters = 12;  // of 16
#endif

// To rows of so many pairs' sums.
template <typename W, typename A>
static inline void add_bias(const Linear<W> &linear, int64_t p, int num_rows, int num_pairs,
                            A *sums) {
    int width = num_pairs * linear.kWidth;
    for (int r = 0; linear.bias && r < num_rows; r++)
        for (int n = 0; n < width; n++) sums[r * width + n] += linear.bias[p * linear.kWidth + n];
}

// R rows of one pair into `sums`; the row index of the first is `first`.
template <int R, typename W, typename A>
static inline void multiply_rows(const Linear<W> &linear, int64_t p, const Rows<W> &rows,
                                 int64_t first, A *sums) {
    constexpr int C = R * 4 <= kRegisters ? 4 : 2;
    if constexpr (std::is_same_v<W, int8_t>) {
        constexpr int D = R <= 2 ? 4 : 2;  // more sums do not stay in registers
        int32_t exact[kRows * 32];
        const int16_t *x[R];
        for (int r = 0; r < R; r++) x[r] = rows.row(first + r, linear.inputs);
        for (int v = 0; v < kVectors; v += D)
            multiply_integers<R, D>(linear.pair(p), x, linear.groups(), v, exact);
        const float *scales = linear.scales + p * 32;
        for (int r = 0; r < R; r++)
            for (int n = 0; n < 32; n++)
                sums[r * 32 + n] = (float)exact[r * 32 + n] * ((*rows.scales)[first + r] * scales[n]);
    } else {
        for (int v = 0; v < kVectors; v += C)
            multiply<R, C>(linear, linear.pair(p), rows.row(first), rows.stride, v, sums);
    }
    add_bias(linear, p, R, 1, sums);
}

// Pairs that one row takes together: the sums of a single pair would wait for each other, and a
// second and third stream come faster from memory. Exact sums of int8 do not wait.
template <typename W> constexpr int kTogether = std::is_same_v<W, int8_t> ? 1 : 3;

// One row and so many pairs, up to kTogether of them; `sums` lie side by side.
template <typename W, typename A>
static inline void multiply_row(const Linear<W> &linear, int64_t p, int count, const Rows<W> &rows,
                                A *sums) {
    if (count == 1) return multiply_rows<1>(linear, p, rows, 0, sums);
    if constexpr (kTogether<W> == 3) {
        if (count == 2)
            multiply<1, 2 * kVectors>(linear, linear.pair(p), rows.row(0), rows.stride, 0, sums);
        else
            multiply<1, 3 * kVectors>(linear, linear.pair(p), rows.row(0), rows.stride, 0, sums);
        add_bias(linear, p, 1, count, sums);
    }
}

// Rows that stay in the nearest caches while one pair after another is read.
constexpr int64_t kBlockRows = 12 * kRows;

// Of so many rows left, those to take together: two cost hardly more than one, three what four do.
static inline int tile_of(int64_t left) {
    if (left <= kRows) return (int)left;
    return left % kRows == 1 || left % kRows == 3 ? kRows - 1 : kRows;
}

// One pair for rows begin..end; `take(row, sums, R)` gets R rows of kColumns at a time.
template <typename W, typename F>
static inline void multiply_pair(const Linear<W> &linear, int64_t p, const Rows<W> &rows,
                                 int64_t begin, int64_t end, F &&take) {
    using A = typename Packing<W>::A;
    A sums[kRows * Packing<W>::kColumns];
    for (int64_t r = begin; r < end;) {
        int count = tile_of(end - r);
        switch (count) {
            case 1: multiply_rows<1>(linear, p, rows, r, sums); break;
            case 2: multiply_rows<2>(linear, p, rows, r, sums); break;
            case 3: multiply_rows<3>(linear, p, rows, r, sums); break;
            case 4: multiply_rows<4>(linear, p, rows, r, sums); break;
            default: multiply_rows<5>(linear, p, rows, r, sums); break;
        }
        take(r, sums, count);
        r += count;
    }
}

// Lay out weights [outputs, inputs]; whatever pads is 0.
template <typename W>
static void pack(const W *weight, int64_t outputs, int64_t inputs, W *panels) {
    using P = Packing<W>;
    constexpr int kHalf = P::kColumns / 2;
    int64_t groups = (inputs + P::kGroup - 1) / P::kGroup;
    int64_t num_panels = 2 * ((outputs + P::kColumns - 1) / P::kColumns);
    for (int64_t p = 0; p < num_panels; p++)
        for (int64_t g = 0; g < groups; g++)
            for (int64_t n = 0; n < kHalf; n++)
                for (int64_t i = 0; i < P::kGroup; i++) {
                    int64_t row = p * kHalf + n, column = g * P::kGroup + i;
                    bool is_there = row < outputs && column < inputs;
                    *panels++ = is_there ? weight[row * inputs + column] : W{};
                }
}
