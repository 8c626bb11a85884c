// The best of a row of logits, with the logarithm of the sum of their exponentials.
#pragma once
#include "vectors.h"

#include <algorithm>
#include <limits>

static inline bool is_any(integers mask) {
    integers none = {};
    return memcmp(&mask, &none, sizeof mask) != 0;
}

// Put a value into its place among the k best; of equal ones the first stays ahead.
static inline void insert(float value, int64_t id, int64_t k, float *values, int64_t *ids) {
    if (!(value > values[k - 1])) return;
    int64_t place = k - 1;
    for (; place > 0 && value > values[place - 1]; place--) {
        values[place] = values[place - 1];
        ids[place] = ids[place - 1];
    }
    values[place] = value;
    ids[place] = id;
}

// The k best of `count` logits, best first, and log(sum(exp(logits))). There is room for `padded`
// logits, a whole number of vectors; those behind `count` are overwritten.
static inline void choose_best(float *logits, int64_t count, int64_t padded, int64_t k,
                               float *values, int64_t *ids, float *log_sum) {
    const float low = -std::numeric_limits<float>::infinity();
    std::fill(logits + count, logits + padded, low);
    std::fill_n(values, k, low);
    std::fill_n(ids, k, (int64_t)0);
    for (int64_t n = 0; n < padded; n += lanes<floats>()) {
        integers is_better = load(logits + n) > values[k - 1];
        if (is_any(is_better))
            for (int64_t i = n; i < n + lanes<floats>(); i++) insert(logits[i], i, k, values, ids);
    }
    floats totals[2] = {};
    int64_t n = 0;
    for (; n + 2 * lanes<floats>() <= padded; n += 2 * lanes<floats>())
        for (int i = 0; i < 2; i++)
            totals[i] += exponential(load(logits + n + i * lanes<floats>()) - values[0]);
    for (; n < padded; n += lanes<floats>()) totals[0] += exponential(load(logits + n) - values[0]);
    *log_sum = values[0] + std::log(sum(totals[0] + totals[1]));
}
