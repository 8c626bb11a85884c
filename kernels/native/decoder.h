// The decoder's shape and a step's rows, as Python's ctypes lays them out (decoder.py).
#pragma once
#include "draw.h"

#include <cstdint>

struct LinearData {
    const void *panels, *scales, *bias;
    int64_t outputs, inputs;
};

struct LayerData {
    LinearData qkv, out, gate_up, down;
    const void *norm_in, *norm_mid, *query_norm, *key_norm;
    int64_t window;
};

struct DecoderData {
    const LayerData *layers;
    LinearData head;
    const void *embedding;  // [vocabulary, hidden]
    const void *norm;
    int64_t num_layers, hidden, middle, heads, groups, width;
    double eps, attention_scale, embedding_multiplier, residual_multiplier, logits_divisor;
};

struct StepData {
    const int64_t *token_ids, *positions, *slots, *tables, *starts, *contexts, *ancestors;
    const void *cos, *sin;  // [P, width / 2]
    void *cache;            // [L, 2, N, S, G, D]
    void *hidden;           // [T, hidden]: after the final norm
    void *const *aux;       // per layer where its residual stream goes, or null; may be null
    int64_t num_rows, num_sequences, table_width, num_blocks, block_size;
};

// Rounds of one token a sequence, each behind the one before; a step has the first round's rows.
struct RoundsData {
    const RowData *draws;  // of the first round's tokens; positions go up from there
    const int64_t *stop_ids, *stop_starts;  // whoever draws one of its own has ended; [B + 1] starts
    const uint8_t *const *masks;  // [rounds, B] of [outputs], 0 for what may not come; null for none
    int64_t most_rounds, most_ns;
    int64_t *tokens;  // [rounds, B]
};
