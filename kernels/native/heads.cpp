// A vocabulary head of which only the best tokens are wanted: what drafting needs.
//
// Weights are int8: a guess may be rounded, for verification decides.
#include "decoder.h"
#include "linear.h"
#include "team.h"

#include <limits>

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
        rows.prepare(linear_.inputs);
        team_.begin(num_rows * linear_.outputs * linear_.inputs >= 200'000);
        team_.run(linear_.num_pairs(), [&](int64_t p) {
            multiply_pair(linear_, p, rows, [&](int64_t first, float *sums, int count) {
                for (int r = 0; r < count; r++)
                    std::copy_n(sums + r * kWidth, kWidth, &logits_[(first + r) * stride + p * kWidth]);
            });
        });
        team_.run(num_rows, [&](int64_t r) {
            choose(&logits_[r * stride], k, values + r * k, ids + r * k, log_sums + r);
        });
        team_.end();
    }

  private:
    void choose(float *logits, int64_t k, float *values, int64_t *ids, float *log_sum) const {
        const float low = -std::numeric_limits<float>::infinity();
        int64_t padded = linear_.num_pairs() * kWidth;
        for (int64_t n = linear_.outputs; n < padded; n++) logits[n] = low;
        std::fill_n(values, k, low);
        std::fill_n(ids, k, (int64_t)0);
        for (int64_t n = 0; n < padded; n += lanes<floats>()) {
            floats some = load(logits + n);
            integers is_better = some > values[k - 1];
            if (is_any(is_better))
                for (int64_t i = n; i < n + lanes<floats>(); i++) insert(logits[i], i, k, values, ids);
        }
        floats total = {};
        for (int64_t n = 0; n < padded; n += lanes<floats>())
            total += exponential(load(logits + n) - values[0]);
        *log_sum = values[0] + std::log(sum(total));
    }

    static bool is_any(integers mask) {
        integers none = {};
        return memcmp(&mask, &none, sizeof mask) != 0;
    }

    static void insert(float value, int64_t id, int64_t k, float *values, int64_t *ids) {
        if (!(value > values[k - 1])) return;
        int64_t place = k - 1;
        for (; place > 0 && value > values[place - 1]; place--) {
            values[place] = values[place - 1];
            ids[place] = ids[place - 1];
        }
        values[place] = value;
        ids[place] = id;
    }

    Linear<int8_t> linear_;
    Team team_;
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
