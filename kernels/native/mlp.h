// An MLP speculator as Python's ctypes lays it out (mlp.py).
#pragma once
#include "decoder.h"

struct MlpStage {
    const void *embedding;       // [V, inner], in the type of the projections
    const LinearData *project;   // [inner, hidden] of the first stage, else [inner, inner]
    const LinearData *head;      // [V, inner] or of some tokens, int8
    const float *scale, *shift;  // [inner]
    int64_t width;               // guesses a branch
};

struct MlpData {
    const MlpStage *stages;
    const int64_t *token_ids;  // what the outputs of heads stand for; null where they are all tokens
    int64_t num_stages, hidden, inner, num_branches, num_candidates, is_scaled;
    double state_weight, token_weight, least_survival;
};

struct MlpDrafts {
    const float *hidden;              // [B, hidden]
    const int64_t *last_ids, *rooms;  // [B]
    int64_t num_requests, depth, most_nodes;
    int64_t *counts;         // [B]
    int64_t *ids, *parents;  // [B, most_nodes]
    double *scores;          // [B, most_nodes]
};
