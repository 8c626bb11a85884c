// The tokens of a step's rows (draw.h).
#include "draw.h"

namespace {

constexpr int64_t kFewRows = 4;  // below which waking another thread costs more

template <typename A>
int draw_all(const A *logits, int64_t stride, int64_t count, int64_t num_rows, const RowData *rows,
             int64_t *tokens, int threads) {
    int worst = kFine;
#pragma omp parallel for num_threads(threads) schedule(dynamic, 1) reduction(max : worst) \
    if (num_rows >= kFewRows)
    for (int64_t r = 0; r < num_rows; r++)
        worst = std::max(worst, (int)draw(logits + r * stride, count, rows[r], tokens + r));
    return worst;
}

template <typename A>
void best_of_all(const A *logits, int64_t stride, int64_t count, int64_t num_rows, int64_t *tokens) {
    for (int64_t r = 0; r < num_rows; r++) tokens[r] = find_best(logits + r * stride, count);
}

}  // namespace

// On one thread: waking another costs more.
extern "C" void best_tokens(int is_double, const void *logits, int64_t stride, int64_t count,
                            int64_t num_rows, int64_t *tokens) {
    if (is_double)
        best_of_all((const double *)logits, stride, count, num_rows, tokens);
    else
        best_of_all((const float *)logits, stride, count, num_rows, tokens);
}

extern "C" int draw_tokens(int is_double, const void *logits, int64_t stride, int64_t count,
                           int64_t num_rows, const RowData *rows, int64_t *tokens, int threads) {
    if (is_double)
        return draw_all((const double *)logits, stride, count, num_rows, rows, tokens, threads);
    return draw_all((const float *)logits, stride, count, num_rows, rows, tokens, threads);
}
