// The CPU's paged attention for models whose other parts run in torch.
//
// Its truth is kernels/reference.py. `type` is 0 float, 1 bfloat16, 2 double; shapes are in
// elements and use the letters of reference.py. Short work stays on one thread, for waking another
// costs about ten microseconds.
#include "attention.h"

extern "C" void paged_attention(int type, const void *query, const void *cache,
                                const int64_t *tables, const int64_t *starts,
                                const int64_t *contexts, const int64_t *ancestors, void *output,
                                const int64_t *members, int64_t num_members, int64_t table_width,
                                int64_t num_blocks, int64_t block_size, int64_t heads,
                                int64_t groups, int64_t width, double scale, int threads) {
    int64_t work = 0;
    for (int64_t i = 0; i < num_members; i++) work += contexts[members[i]] * heads * width;
    auto run = [&](auto *tag) {
        using T = std::remove_pointer_t<decltype(tag)>;
        Attention<T, T> attention{(const T *)query, (const T *)cache, tables, starts, contexts,
                                  ancestors, nullptr, (T *)output, heads * width, heads * width,
                                  table_width, num_blocks, block_size, heads, groups, width, 0,
                                  scale};
#pragma omp parallel for num_threads(threads) schedule(dynamic, 1) if (work > 1 << 17)
        for (int64_t task = 0; task < num_members * groups; task++) {
            int64_t sequence = members[task / groups], rows = starts[sequence + 1] - starts[sequence];
            for (int64_t span = 0; span < attention.num_spans(rows); span++)
                attention.run(sequence, task % groups, 1, span);
        }
    };
    if (type == 0) run((float *)nullptr);
    if (type == 1) run((bfloat16 *)nullptr);
    if (type == 2) run((double *)nullptr);
}
