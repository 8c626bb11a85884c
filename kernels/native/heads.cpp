// A vocabulary head of which only the best tokens are wanted: what drafting needs.
//
// Weights are int8: a guess may be rounded, for verification decides.
#include "best.h"
#include "decoder.h"
#include "product.h"

namespace {

class Head {
    static constexpr int kWidth = Packing<int8_t>::kColumns;

  public:
    Head(const LinearData &data, int num_threads)
        : linear_{(const int8_t *)data.panels, (const float *)data.scales, nullptr, data.outputs,
                  data.inputs},
          team_(num_threads) {}

    // Of each row of x [R, inputs] the k best outputs, best first, and log(sum(exp(outputs))).
    void best(const float *x, int64_t num_rows, int64_t k, float *values, int64_t *ids,
              float *log_sums) {
        int64_t stride = linear_.num_pairs() * kWidth;
        logits_.resize(num_rows * stride);
        Rows<int8_t> rows{x, linear_.inputs, num_rows, &rounded_, &scales_};
        team_.begin(sharing_, num_rows, linear_.outputs * linear_.inputs);
        multiply_all(team_, linear_, rows, [&](int64_t r, int64_t n, const float *sums) {
            std::copy_n(sums, kWidth, &logits_[r * stride + n]);
        });
        team_.run(num_rows, [&](int64_t r) {
            choose_best(&logits_[r * stride], linear_.outputs, stride, k, values + r * k,
                        ids + r * k, log_sums + r);
        });
        team_.end();
    }

  private:
    Linear<int8_t> linear_;
    Team team_;
    Sharing sharing_;
    std::vector<float> logits_, scales_;
    std::vector<int16_t> rounded_;
};

}  // namespace

extern "C" {

void *head_new(const LinearData *data, int num_threads) { return new Head(*data, num_threads); }
void head_delete(void *head) { delete (Head *)head; }

void head_best(void *head, const float *x, int64_t num_rows, int64_t k, float *values,
               int64_t *ids, float *log_sums) {
    ((Head *)head)->best(x, num_rows, k, values, ids, log_sums);
}

}  // extern "C"
