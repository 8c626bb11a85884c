// The small parts of a layer, row by row.
#pragma once
#include "vectors.h"

// out = x / sqrt(mean(x^2) + eps) * weight
template <typename A>
static void rms_norm(const A *x, const A *weight, A *out, int64_t width, double eps) {
    using V = typename Computed<A>::vector;
    constexpr int step = lanes<V>();
    int64_t whole = width / step * step;
    V squares = {};
    for (int64_t d = 0; d < whole; d += step) squares += load(x + d) * load(x + d);
    A total = sum(squares);
    for (int64_t d = whole; d < width; d++) total += x[d] * x[d];
    A scale = 1 / std::sqrt(total / width + (A)eps);
    for (int64_t d = 0; d < whole; d += step)
        store(out + d, load(x + d) * scale * load(weight + d));
    for (int64_t d = whole; d < width; d++) out[d] = x[d] * scale * weight[d];
}

// The halves of a head turn by the angles of its position; in place.
template <typename A> static void rotate(A *x, const A *cos, const A *sin, int64_t width) {
    int64_t half = width / 2;
    for (int64_t d = 0; d < half; d++) {
        A a = x[d], b = x[d + half];
        x[d] = a * cos[d] - b * sin[d];
        x[d + half] = b * cos[d] + a * sin[d];
    }
}

// gate <- gate * sigmoid(gate) * up
template <typename A> static void swiglu(A *gate, const A *up, int64_t width) {
    using V = typename Computed<A>::vector;
    constexpr int step = lanes<V>();
    int64_t whole = width / step * step;
    for (int64_t d = 0; d < whole; d += step) {
        V g = load(gate + d);
        V small = exponential(g < 0 ? g : -g);
        V sigmoid = (g < 0 ? small : (V{} + 1)) / (1 + small);
        store(gate + d, g * sigmoid * load(up + d));
    }
    for (int64_t d = whole; d < width; d++) gate[d] = gate[d] / (1 + std::exp(-gate[d])) * up[d];
}

// Heads side by side into a slot of the cache; int8 ones as `pack_rows` of reference.py has them.
template <typename T, typename A>
static void store_heads(const A *x, T *out, int64_t heads, int64_t width) {
    for (int64_t d = 0; d < heads * width; d++) out[d] = narrow<T>(x[d]);
}
static inline void store_heads(const float *x, int8_t *out, int64_t heads, int64_t width) {
    for (int64_t h = 0; h < heads; h++, x += width, out += width + 4) {
        float largest = 0;
        bool is_sound = true;
        for (int64_t d = 0; d < width; d++) {
            largest = std::max(largest, std::fabs(x[d]));
            is_sound &= x[d] == x[d];
        }
        float scale = is_sound ? largest / 127 : NAN;
        bool has_steps = scale > 0 && std::isfinite(scale);
        for (int64_t d = 0; d < width; d++)
            out[d] = has_steps ? (int8_t)std::max(-127.f, std::min(127.f, rintf(x[d] / scale))) : 0;
        memcpy(out + width, &scale, sizeof scale);
    }
}
