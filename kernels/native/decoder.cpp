// A Llama-layout decoder's forward pass over a paged cache, one call a step.
//
// A small step is hundreds of small operations; called one by one from Python each costs more than
// its work. Activations are float (double for double weights) whatever the weights are kept in.
#include "attention.h"
#include "decoder.h"
#include "draw.h"
#include "layers.h"
#include "product.h"

#include <chrono>
#include <memory>
#include <type_traits>

namespace {

constexpr int64_t kRowWork = 1 << 15;  // elements of row-wise work that are worth waking others for

// W: weights, T: cache.
template <typename W, typename T> class Decoder {
    using A = typename Packing<W>::A;
    // int8 is for products only: an embedding is read once a row.
    template <typename X> static constexpr bool is_int8 = std::is_same_v<X, int8_t>;
    using E = std::conditional_t<!is_int8<W>, W, std::conditional_t<!is_int8<T>, T, bfloat16>>;
    static constexpr int kWidth = Packing<W>::kColumns;

  public:
    Decoder(const DecoderData &data, int num_threads) : data_(data), team_(num_threads) {
        for (int64_t i = 0; i < data.num_layers; i++) {
            const LayerData &layer = data.layers[i];
            layers_.push_back({linear(layer.qkv), linear(layer.out), linear(layer.gate_up),
                               linear(layer.down), layer});
            weights_ += size(layer.qkv) + size(layer.out) + size(layer.gate_up) + size(layer.down);
        }
        head_ = linear(data.head);
    }

    void forward(const StepData &step) {
        team_.begin(forward_sharing_, step.num_rows, weights_);
        compute(step);
        team_.end();
    }

    // hidden [R, hidden] -> logits [R, vocabulary padded to panels]
    void logits(const A *hidden, A *out, int64_t num_rows) {
        team_.begin(logits_sharing_, num_rows, size(data_.head));
        compute_logits(hidden, out, num_rows);
        team_.end();
    }

    // Rounds until one has drawn a stop token, all are done, or one more would take too long. One
    // whose numbers are no numbers is left to whoever comes to it first. Returns how many, or minus
    // the status of a first round that left nothing to draw. `hidden` [rounds, B, hidden] and `aux`
    // have the rows of all rounds.
    int64_t run_rounds(const StepData &first, const RoundsData &wanted) {
        int64_t count = first.num_rows, began = now();
        Rounds rows(first, data_.num_layers);
        std::vector<RowData> draws(wanted.draws, wanted.draws + count);
        logits_.resize(count * padded(data_.head.outputs));
        for (int64_t done = 0;;) {
            const A *hidden = (const A *)rows.step.hidden;
            team_.begin(rounds_sharing_, count, weights_ + size(data_.head));
            compute(rows.step);
            compute_logits(hidden, logits_.data(), count);
            team_.end();
            bool is_last = !std::isfinite(std::accumulate(hidden, hidden + count * data_.hidden, A{}));
            if (is_last && done) return done;
            int64_t *tokens = wanted.tokens + done * count;
            for (int64_t b = 0; b < count; b++) {
                Status status = take(draws[b], wanted.masks[done * count + b],
                                     &logits_[b * padded(data_.head.outputs)], tokens + b);
                if (status != kFine) return done ? done : -status;
                draws[b].position++;
                is_last |= std::count(wanted.stop_ids + wanted.stop_starts[b],
                                      wanted.stop_ids + wanted.stop_starts[b + 1], tokens[b]) > 0;
            }
            done++;
            if (is_last || done == wanted.most_rounds) return done;
            if ((now() - began) / done * (done + 1) > wanted.most_ns) return done;
            rows.advance(tokens, count * data_.hidden * sizeof(A));
        }
    }

  private:
    void compute(const StepData &step) {
        int64_t rows = step.num_rows, hidden = data_.hidden;
        x_stride_ = padded(hidden);
        qkv_stride_ = padded((data_.heads + 2 * data_.groups) * data_.width);
        attended_stride_ = data_.heads * data_.width;
        middle_stride_ = padded(2 * data_.middle);  // enough for any padding of gates
        x_.resize(rows * x_stride_);
        normed_.resize(rows * x_stride_);
        qkv_.resize(rows * qkv_stride_);
        attended_.resize(rows * attended_stride_);
        middle_.resize(rows * middle_stride_);
        for (int64_t t = 0; t < rows; t++) {
            const E *own = (const E *)data_.embedding + step.token_ids[t] * hidden;
            for (int64_t d = 0; d < hidden; d++)
                x_[t * x_stride_ + d] = widen(own[d]) * (A)data_.embedding_multiplier;
        }
        for (size_t i = 0; i < layers_.size(); i++) {
            run_layer(layers_[i], step, i);
            if (step.aux && step.aux[i]) copy((A *)step.aux[i], rows);
        }
        norm(data_.norm, rows);
        A *out = (A *)step.hidden;
        for (int64_t t = 0; t < rows; t++)
            std::copy_n(&normed_[t * x_stride_], hidden, out + t * hidden);
    }

    void compute_logits(const A *hidden, A *out, int64_t num_rows) {
        int64_t stride = padded(data_.head.outputs);
        multiply_all(team_, head_, rows(hidden, data_.hidden, num_rows),
                     [&](int64_t t, int64_t n, const A *sums) {
                         for (int i = 0; i < kWidth; i++)
                             out[t * stride + n + i] = sums[i] / (A)data_.logits_divisor;
                     });
    }

    // A step of one row a sequence, moved on by one token at a time.
    struct Rounds {
        Rounds(const StepData &first, int64_t num_layers)
            : step(first), ids_(first.token_ids, first.token_ids + first.num_rows),
              positions_(first.positions, first.positions + first.num_rows),
              slots_(first.slots, first.slots + first.num_rows),
              contexts_(first.contexts, first.contexts + first.num_rows) {
            if (first.aux) aux_.assign(first.aux, first.aux + num_layers);
            step.token_ids = ids_.data();
            step.positions = positions_.data();
            step.slots = slots_.data();
            step.contexts = contexts_.data();
            step.aux = first.aux ? aux_.data() : nullptr;
        }
        Rounds(const Rounds &) = delete;

        // Behind these tokens; states go `size` bytes behind the last ones.
        void advance(const int64_t *tokens, int64_t size) {
            for (int64_t b = 0; b < step.num_rows; b++) {
                int64_t at = ++positions_[b];
                int64_t block = step.tables[b * step.table_width + at / step.block_size];
                ids_[b] = tokens[b];
                slots_[b] = block * step.block_size + at % step.block_size;
                contexts_[b]++;
            }
            step.hidden = (char *)step.hidden + size;
            for (void *&aux : aux_)
                if (aux) aux = (char *)aux + size;
        }

        StepData step;

      private:
        std::vector<int64_t> ids_, positions_, slots_, contexts_;
        std::vector<void *> aux_;
    };

    static int64_t now() {
        auto time = std::chrono::steady_clock::now().time_since_epoch();
        return std::chrono::duration_cast<std::chrono::nanoseconds>(time).count();
    }

    // As in a step of its own: the best of greedy rows, whatever it is, where all may come.
    Status take(const RowData &row, const uint8_t *mask, A *logits, int64_t *token) const {
        for (int64_t i = 0; mask && i < data_.head.outputs; i++)
            logits[i] = mask[i] ? logits[i] : -INFINITY;
        if (mask || row.temperature > 0) return draw(logits, data_.head.outputs, row, token);
        *token = find_best(logits, data_.head.outputs);
        return kFine;
    }

    struct Layer {
        Linear<W> qkv, out, gate_up, down;
        LayerData data;
    };

    static Linear<W> linear(const LinearData &data) {
        return {(const W *)data.panels, (const float *)data.scales, (const A *)data.bias,
                data.outputs, data.inputs};
    }
    static int64_t size(const LinearData &data) { return data.outputs * data.inputs; }
    int64_t slot_size() const { return data_.groups * (data_.width + kScaleBytes<T>); }
    static int64_t padded(int64_t width) { return (width + kWidth - 1) / kWidth * kWidth; }

    Rows<W> rows(const A *x, int64_t stride, int64_t count) {
        if constexpr (std::is_same_v<W, int8_t>)
            return {x, stride, count, &rounded_, &scales_};
        else
            return {x, stride, count};
    }

    void run_layer(const Layer &layer, const StepData &step, int64_t index) {
        int64_t count = step.num_rows;
        A residual = (A)data_.residual_multiplier;
        auto add = [&](int64_t t, int64_t n, const A *sums) {
            A *row = &x_[t * x_stride_ + n];
            for (int i = 0; i < kWidth; i++) row[i] += residual * sums[i];
        };
        norm(layer.data.norm_in, count);
        multiply_all(team_, layer.qkv, rows(normed_.data(), x_stride_, count),
                     [&](int64_t t, int64_t n, const A *sums) {
                         std::copy_n(sums, kWidth, &qkv_[t * qkv_stride_ + n]);
                     });
        each_row(count, qkv_stride_, [&](int64_t t) { place(layer, step, index, t); });
        attend(layer, step, index);
        multiply_all(team_, layer.out, rows(attended_.data(), attended_stride_, count), add);
        norm(layer.data.norm_mid, count);
        feed(layer.gate_up, rows(normed_.data(), x_stride_, count));
        multiply_all(team_, layer.down, rows(middle_.data(), middle_stride_, count), add);
    }

    // A pair is a panel of gates and the panel of their factors.
    void feed(const Linear<W> &linear, Rows<W> rows) {
        constexpr int kHalf = kWidth / 2;
        multiply_all(team_, linear, rows, [&](int64_t t, int64_t n, A *sums) {
            swiglu(sums, sums + kHalf, kHalf);
            std::copy_n(sums, kHalf, &middle_[t * middle_stride_ + n / 2]);
        });
    }

    void norm(const void *weight, int64_t count) {
        each_row(count, data_.hidden, [&](int64_t t) {
            rms_norm(&x_[t * x_stride_], (const A *)weight, &normed_[t * x_stride_], data_.hidden,
                     data_.eps);
        });
    }

    // Norm and rotate a row's queries and keys; keys and values into the cache.
    void place(const Layer &layer, const StepData &step, int64_t index, int64_t t) {
        int64_t width = data_.width, heads = data_.heads, groups = data_.groups;
        A *row = &qkv_[t * qkv_stride_];
        const A *cos = (const A *)step.cos + step.positions[t] * (width / 2);
        const A *sin = (const A *)step.sin + step.positions[t] * (width / 2);
        for (int64_t h = 0; h < heads + groups; h++) {
            A *head = row + h * width;
            const void *weight = h < heads ? layer.data.query_norm : layer.data.key_norm;
            if (weight) rms_norm(head, (const A *)weight, head, width, data_.eps);
            rotate(head, cos, sin, width);
        }
        int64_t slots = step.num_blocks * step.block_size, size = slot_size();
        T *keys = (T *)step.cache + (2 * index * slots + step.slots[t]) * size;
        store_heads(row + heads * width, keys, groups, width);
        store_heads(row + (heads + groups) * width, keys + slots * size, groups, width);
    }

    void attend(const Layer &layer, const StepData &step, int64_t index) {
        int64_t layer_size = 2 * step.num_blocks * step.block_size * slot_size();
        Attention<T, A> attention{qkv_.data(), (const T *)step.cache + index * layer_size,
                                  step.tables, step.starts, step.contexts, step.ancestors,
                                  step.positions, attended_.data(), qkv_stride_, attended_stride_,
                                  step.table_width, step.num_blocks, step.block_size, data_.heads,
                                  data_.groups, data_.width, layer.data.window,
                                  data_.attention_scale};
        spans_.clear();
        bool has_many = step.num_sequences >= 4 * team_.size();
        for (int64_t b = 0; b < step.num_sequences; b++) {
            int64_t rows = step.starts[b + 1] - step.starts[b], count = attention.num_spans(rows);
            // All heads of a slot lie side by side: one reader takes them if others have enough.
            int64_t together = has_many && rows <= attention.kTile ? data_.groups : 1;
            // The last span sees most; whoever begins with it ends with the others.
            for (int64_t span = count - 1; span >= 0; span--)
                for (int64_t group = 0; group < data_.groups; group += together)
                    spans_.push_back({b, group, together, span});
        }
        team_.run(spans_.size(), [&](int64_t i) {
            const Span &task = spans_[i];
            attention.run(task.sequence, task.group, task.num_groups, task.span);
        });
    }

    template <typename F> void each_row(int64_t count, int64_t width, F &&work) {
        int64_t share = std::max<int64_t>(1, kRowWork / width);
        if (count <= share) {
            for (int64_t t = 0; t < count; t++) work(t);
            return;
        }
        team_.run((count + share - 1) / share, [&](int64_t i) {
            for (int64_t t = i * share; t < std::min(count, (i + 1) * share); t++) work(t);
        });
    }

    void copy(A *out, int64_t count) {
        for (int64_t t = 0; t < count; t++)
            std::copy_n(&x_[t * x_stride_], data_.hidden, out + t * data_.hidden);
    }

    struct Span {
        int64_t sequence, group, num_groups, span;
    };
    DecoderData data_;
    Team team_;
    Sharing forward_sharing_, logits_sharing_, rounds_sharing_;
    std::vector<Layer> layers_;
    Linear<W> head_;
    int64_t weights_ = 0;
    int64_t x_stride_ = 0, qkv_stride_ = 0, attended_stride_ = 0, middle_stride_ = 0;
    std::vector<A> x_, normed_, qkv_, attended_, middle_, logits_;
    std::vector<int16_t> rounded_;
    std::vector<float> scales_;
    std::vector<Span> spans_;
};

// Weights and cache, numbered as decoder.py has them.
template <typename F> void by_kind(int kind, F &&run) {
    if (kind == 0) run((Decoder<float, float> *)nullptr, (float *)nullptr);
    if (kind == 1) run((Decoder<bfloat16, bfloat16> *)nullptr, (bfloat16 *)nullptr);
    if (kind == 2) run((Decoder<double, double> *)nullptr, (double *)nullptr);
    if (kind == 3) run((Decoder<int8_t, bfloat16> *)nullptr, (int8_t *)nullptr);
    if (kind == 4) run((Decoder<int8_t, float> *)nullptr, (int8_t *)nullptr);
    if (kind == 5) run((Decoder<float, int8_t> *)nullptr, (float *)nullptr);
    if (kind == 6) run((Decoder<bfloat16, int8_t> *)nullptr, (bfloat16 *)nullptr);
    if (kind == 7) run((Decoder<int8_t, int8_t> *)nullptr, (int8_t *)nullptr);
}

}  // namespace

extern "C" {

void *decoder_new(int kind, const DecoderData *data, int num_threads) {
    void *made = nullptr;
    by_kind(kind, [&](auto *tag, auto *) {
        made = new std::remove_pointer_t<decltype(tag)>(*data, num_threads);
    });
    return made;
}

void decoder_delete(int kind, void *decoder) {
    by_kind(kind, [&](auto *tag, auto *) { delete (decltype(tag))decoder; });
}

void decoder_forward(int kind, void *decoder, const StepData *step) {
    by_kind(kind, [&](auto *tag, auto *) { ((decltype(tag))decoder)->forward(*step); });
}

void decoder_logits(int kind, void *decoder, const void *hidden, void *out, int64_t num_rows) {
    by_kind(kind, [&](auto *tag, auto *weight) {
        using A = typename Packing<std::remove_pointer_t<decltype(weight)>>::A;
        ((decltype(tag))decoder)->logits((const A *)hidden, (A *)out, num_rows);
    });
}

int64_t decoder_rounds(int kind, void *decoder, const StepData *first, const RoundsData *wanted) {
    int64_t count = 0;
    by_kind(kind, [&](auto *tag, auto *) {
        count = ((decltype(tag))decoder)->run_rounds(*first, *wanted);
    });
    return count;
}

// Outputs of a pair of panels: outputs are padded to a multiple of it.
int64_t pair_width(int kind) {
    int64_t width = 0;
    by_kind(kind, [&](auto *, auto *weight) {
        width = Packing<std::remove_pointer_t<decltype(weight)>>::kColumns;
    });
    return width;
}

void pack_panels(int kind, const void *weight, int64_t outputs, int64_t inputs, void *panels) {
    by_kind(kind, [&](auto *, auto *tag) {
        using W = std::remove_pointer_t<decltype(tag)>;
        pack((const W *)weight, outputs, inputs, (W *)panels);
    });
}

}  // extern "C"
