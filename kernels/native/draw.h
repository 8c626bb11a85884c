// One token a row, as inference/sampling.py defines it: temperature, top-k, top-p, min-p, and the
// inverse of the cumulative distribution at the number of (seed, position).
#pragma once
#include "vectors.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <vector>

// How a row is drawn.
struct RowData {
    double temperature, top_p, min_p;  // top_p 1 and min_p 0 leave all
    int64_t top_k;                     // 0 leaves all
    uint64_t seed, position;
};

enum Status { kFine = 0, kAllExcluded = 1, kNoNumbers = 2 };
constexpr int64_t kFirstPart = 64;  // of the order that top-p may need

// 53 bits of Philox4x32-10 (Salmon et al., 2011) as a number in [0, 1).
static inline double uniform(uint64_t seed, uint64_t position) {
    uint32_t key[2] = {(uint32_t)seed, (uint32_t)(seed >> 32)};
    uint32_t c[4] = {(uint32_t)position, (uint32_t)(position >> 32), 0, 0};
    for (int round = 0; round < 10; round++) {
        uint64_t first = 0xD2511F53ull * c[0], second = 0xCD9E8D57ull * c[2];
        uint32_t next[4] = {(uint32_t)(second >> 32) ^ c[1] ^ key[0], (uint32_t)second,
                            (uint32_t)(first >> 32) ^ c[3] ^ key[1], (uint32_t)first};
        std::copy_n(next, 4, c);
        key[0] += 0x9E3779B9;
        key[1] += 0xBB67AE85;
    }
    uint64_t bits = ((uint64_t)c[0] << 21) ^ (c[1] >> 11);
    return (double)bits / (double)(1ull << 53);
}

// The tokens that top-k, top-p and min-p leave, in the order of their ids.
static inline void keep(const std::vector<double> &weights, int64_t count, const RowData &row,
                        std::vector<int32_t> &kept) {
    auto is_better = [&](int32_t a, int32_t b) {
        return weights[a] != weights[b] ? weights[a] > weights[b] : a < b;
    };
    double total = std::accumulate(weights.begin(), weights.begin() + count, 0.0), mass = 0;
    // All tokens below this together weigh less than half of what top-p leaves out, so none of them
    // stays; mostly they are nearly all.
    double least = row.top_k ? 0 : 0.5 * (1 - row.top_p) * total / count;
    kept.resize(count);
    int64_t most = 0;
    for (int64_t i = 0; i < count; i++) {
        kept[most] = (int32_t)i;
        most += weights[i] >= least;
    }
    if (row.top_k && row.top_k < most) {
        most = row.top_k;
        std::nth_element(kept.begin(), kept.begin() + most, kept.end(), is_better);
        total = 0;
        for (int64_t i = 0; i < most; i++) total += weights[kept[i]];
    }
    if (row.top_p < 1) {
        int64_t ordered = 0, used = 0;
        // A token stays while the mass before it has not reached top_p; so at least one stays.
        while (used < most && (used == 0 || mass < row.top_p * total)) {
            if (used == ordered) {
                ordered = std::min(most, std::max(kFirstPart, 4 * ordered));
                auto from = kept.begin() + used, to = kept.begin() + ordered;
                std::partial_sort(from, to, kept.begin() + most, is_better);
            }
            mass += weights[kept[used++]];
        }
        most = used;
    }
    kept.resize(most);
    if (row.min_p > 0) {
        auto is_less = [&](int32_t i) { return weights[i] < row.min_p; };  // the best one's is 1
        kept.erase(std::remove_if(kept.begin(), kept.end(), is_less), kept.end());
    }
    std::sort(kept.begin(), kept.end());
}

// The first of the greatest logits; one that is no number counts as the greatest.
template <typename A>
static int64_t find_best(const A *logits, int64_t count) {
    using V = typename Computed<A>::vector;
    constexpr int step = lanes<V>(), kAtOnce = 4, kBlock = 16 * step;
    auto nans = V{} != V{};
    bool has_nan = false;
    A top = logits[0];
    int64_t top_block = 0;
    for (int64_t first = 0; first < count; first += kBlock) {
        A own = logits[first];
        if (count - first >= kBlock) {
            V tops[kAtOnce];
            for (int i = 0; i < kAtOnce; i++) tops[i] = load(logits + first + i * step);
            for (int64_t at = first; at < first + kBlock; at += kAtOnce * step)
                for (int i = 0; i < kAtOnce; i++) {
                    V x = load(logits + at + i * step);
                    nans |= x != x;
                    tops[i] = x > tops[i] ? x : tops[i];
                }
            for (int i = 1; i < kAtOnce; i++) tops[0] = tops[i] > tops[0] ? tops[i] : tops[0];
            for (int i = 0; i < step; i++) own = std::max(own, tops[0][i]);
        } else {
            for (int64_t i = first; i < count; i++) {
                has_nan |= logits[i] != logits[i];
                own = std::max(own, logits[i]);
            }
        }
        if (own > top) {
            top = own;
            top_block = first;
        }
    }
    for (int i = 0; i < step; i++) has_nan |= nans[i] != 0;
    if (has_nan) return std::find_if(logits, logits + count, [](A x) { return x != x; }) - logits;
    return std::find(logits + top_block, logits + count, top) - logits;
}

// e^((logit - best) / temperature); 0 for what is excluded or beyond double's range.
template <typename A>
static void weigh(const A *logits, int64_t count, double top, double temperature, double *weights) {
    constexpr int step = lanes<doubles>();
    int64_t padded = (count + step - 1) / step * step;
    for (int64_t i = 0; i < count; i++) weights[i] = (logits[i] - top) / temperature;
    for (int64_t i = count; i < padded; i++) weights[i] = 0;
    for (int64_t i = 0; i < padded; i += step) {
        doubles x = load(weights + i);
        store(weights + i, x < -708.0 ? doubles{} : exponential(x));
    }
}

template <typename A>
static Status draw(const A *logits, int64_t count, const RowData &row, int64_t *token) {
    int64_t best = find_best(logits, count);
    *token = best;
    if (logits[best] == -INFINITY) return kAllExcluded;
    if (row.temperature <= 0) return kFine;
    if (!(std::fabs(logits[best]) < INFINITY)) return kNoNumbers;
    static thread_local std::vector<double> weights;
    static thread_local std::vector<int32_t> kept;
    weights.resize(count + lanes<doubles>());
    weigh(logits, count, logits[best], row.temperature, weights.data());
    double total = 0;
    bool is_filtered = row.top_k || row.top_p < 1 || row.min_p > 0;
    if (is_filtered) keep(weights, count, row, kept);
    int64_t num_left = is_filtered ? kept.size() : count;
    auto id = [&](int64_t i) { return is_filtered ? (int64_t)kept[i] : i; };
    for (int64_t i = 0; i < num_left; i++) total += weights[id(i)];
    if (!(total > 0)) return kNoNumbers;
    double target = std::min(uniform(row.seed, row.position) * total, std::nextafter(total, 0.0));
    double passed = 0;
    int64_t i = -1;
    do passed += weights[id(++i)];
    while (passed <= target);
    *token = id(i);
    return kFine;
}
