// A whole proposal of IBM's MLP speculator in one call: all stages, all branches of all requests.
//
// Stage by stage in torch it is dozens of small operations, which cost more than their work. Heads
// are int8, since a guess may be rounded; states are float, whatever the projections are kept in.
// A branch reads the state of its parent, so that is projected once for all of its children.
#include "mlp.h"
#include "best.h"
#include "layers.h"
#include "product.h"

namespace {

constexpr double kEps = 1e-6;
constexpr int64_t kRowsAtOnce = 40;      // whose logits are kept: they shall stay in the cache

// GELU by the error function of Abramowitz and Stegun 7.1.26: within 1.5e-7 of the exact one.
static inline floats gelu(floats x) {
    floats z = x * 0.70710678f;
    z = z < 0 ? -z : z;
    floats t = 1 / (1 + 0.3275911f * z);
    floats p = ((((1.061405429f * t - 1.453152027f) * t + 1.421413741f) * t - 0.284496736f) * t +
                0.254829592f) * t;
    floats error = 1 - p * exponential(-z * z);
    return 0.5f * x * (1 + (x < 0 ? -error : error));
}

struct Node {
    int64_t id, parent;  // its place among the request's nodes; -1 for the last known token
    double log_prob;     // of the path
    bool is_kept;
    int64_t place = 0;  // among those that are kept
};

struct Found {
    int64_t parent, id, state;  // the row whose head guessed it
    double log_prob;
};

template <typename W> static Linear<W> linear(const LinearData &data) {
    return {(const W *)data.panels, (const float *)data.scales,
            (const typename Packing<W>::A *)data.bias, data.outputs, data.inputs};
}

template <typename W> class Mlp {
    static constexpr int kWidth = Packing<W>::kColumns, kHeadWidth = Packing<int8_t>::kColumns;

  public:
    Mlp(const MlpData &data, int num_threads)
        : data_(data), team_(num_threads),
          least_(data.least_survival > 0 ? std::log(data.least_survival)
                                         : -std::numeric_limits<double>::infinity()) {
        for (int64_t s = 0; s < data.num_stages; s++) {
            const MlpStage &stage = data.stages[s];
            stages_.push_back({linear<W>(*stage.project), linear<int8_t>(*stage.head), stage});
        }
        sharings_.resize(data.num_stages + 1);
    }

    void propose(const MlpDrafts &drafts) {
        const Stage &first = stages_[0];
        team_.begin(sharings_[drafts.depth], drafts.num_requests, first.head.outputs * data_.inner);
        start(drafts);
        for (int64_t depth = 0; depth < drafts.depth && !rows_.empty(); depth++) {
            const Stage &stage = stages_[depth];
            project(stage, depth ? states_.data() : inputs_.data(), num_states_);
            mix(stage);
            guess(stage);
            bool is_last = depth == drafts.depth - 1;
            grow(stage, is_last ? data_.num_candidates : data_.num_branches, is_last);
        }
        team_.run(drafts.num_requests, [&](int64_t b) { finish(drafts, b); });
        team_.end();
    }

  private:
    struct Stage {
        Linear<W> project;
        Linear<int8_t> head;
        MlpStage data;
    };
    struct Row {
        int64_t request, node, token, state;  // the branch that grows, and its parent's state
        double log_prob;
    };

    void start(const MlpDrafts &drafts) {
        int64_t width = data_.hidden;
        inputs_.assign(drafts.hidden, drafts.hidden + drafts.num_requests * width);
        if (data_.is_scaled) {
            std::vector<float> weight(width, 0.70710678f);
            for (int64_t b = 0; b < drafts.num_requests; b++)
                rms_norm(&inputs_[b * width], weight.data(), &inputs_[b * width], width, kEps);
        }
        num_states_ = drafts.num_requests;
        trees_.resize(drafts.num_requests);
        rows_.clear();
        for (int64_t b = 0; b < drafts.num_requests; b++) {
            trees_[b].clear();
            rows_.push_back({b, -1, drafts.last_ids[b], b, 0.0});
        }
    }

    // projected_ <- every state of the stage before, of which each has many children.
    void project(const Stage &stage, const float *states, int64_t count) {
        const Linear<W> &linear = stage.project;
        stride_ = linear.num_pairs() * kWidth;
        projected_.resize(count * stride_);
        Rows<W> rows{states, linear.inputs, count};
        multiply_all(team_, linear, rows, [&](int64_t r, int64_t n, const float *sums) {
            std::copy_n(sums, kWidth, &projected_[r * stride_ + n]);
        });
    }

    // states_ <- gelu(norm(state * weight + embedding * weight) * scale + shift), row by row.
    void mix(const Stage &stage) {
        int64_t width = data_.inner, count = (int64_t)rows_.size();
        states_.resize(count * width);
        auto one = [&](int64_t r) {
            const Row &row = rows_[r];
            const W *embedded = (const W *)stage.data.embedding + row.token * width;
            float *state = &states_[r * width], *from = &projected_[row.state * stride_];
            float state_weight = (float)data_.state_weight, token_weight = (float)data_.token_weight;
            for (int64_t d = 0; d < width; d++)
                state[d] = from[d] * state_weight + widen(embedded[d]) * token_weight;
            rms_norm(state, stage.data.scale, state, width, kEps);
            activate(state, stage.data.shift, width);
        };
        // One row is too little for a task.
        team_.run((count + 7) / 8, [&](int64_t chunk) {
            for (int64_t r = 8 * chunk; r < std::min(count, 8 * chunk + 8); r++) one(r);
        });
        num_states_ = count;
    }

    static void activate(float *state, const float *shift, int64_t width) {
        constexpr int step = lanes<floats>();
        int64_t whole = width / step * step;
        for (int64_t d = 0; d < whole; d += step)
            store(state + d, gelu(load(state + d) + load(shift + d)));
        for (int64_t d = whole; d < width; d++) {
            float x = state[d] + shift[d];
            state[d] = 0.5f * x * (1 + std::erf(x * 0.70710678f));
        }
    }

    // The best tokens behind every row.
    void guess(const Stage &stage) {
        const Linear<int8_t> &head = stage.head;
        int64_t count = (int64_t)rows_.size(), width = stage.data.width;
        int64_t stride = head.num_pairs() * kHeadWidth;
        best_ids_.resize(count * width);
        best_.resize(count * width);
        log_sums_.resize(count);
        logits_.resize(std::min(count, kRowsAtOnce) * stride);
        for (int64_t from = 0; from < count; from += kRowsAtOnce) {
            int64_t some = std::min(count - from, kRowsAtOnce);
            Rows<int8_t> rows{&states_[from * data_.inner], head.inputs, some, &rounded_, &scales_};
            multiply_all(team_, head, rows, [&](int64_t r, int64_t n, const float *sums) {
                std::copy_n(sums, kHeadWidth, &logits_[r * stride + n]);
            });
            team_.run(some, [&](int64_t r) {
                int64_t at = (from + r) * width;
                choose_best(&logits_[r * stride], head.outputs, stride, width, &best_[at],
                            &best_ids_[at], &log_sums_[from + r]);
                if (!data_.token_ids) return;
                for (int64_t i = at; i < at + width; i++)
                    best_ids_[i] = data_.token_ids[best_ids_[i]];
            });
        }
    }

    // The likeliest continuations of each request become the rows of the next stage.
    void grow(const Stage &stage, int64_t limit, bool is_last) {
        int64_t width = stage.data.width;
        grown_.clear();
        for (size_t r = 0; r < rows_.size();) {
            int64_t b = rows_[r].request;
            std::vector<Node> &nodes = trees_[b];
            found_.clear();
            for (; r < rows_.size() && rows_[r].request == b; r++) {
                size_t num_before = found_.size();
                for (int64_t i = 0; i < width; i++) {
                    int64_t at = (int64_t)r * width + i;
                    double log_prob = rows_[r].log_prob + best_[at] - log_sums_[r];
                    if (log_prob >= least_)  // nor does what is no number grow
                        found_.push_back({rows_[r].node, best_ids_[at], (int64_t)r, log_prob});
                }
                if (found_.size() == num_before && rows_[r].node >= 0)
                    nodes[rows_[r].node].is_kept = true;
            }
            auto end = found_.begin() + std::min<int64_t>(limit, (int64_t)found_.size());
            std::partial_sort(found_.begin(), end, found_.end(), [](const Found &a, const Found &b) {
                return a.log_prob > b.log_prob;
            });
            for (auto one = found_.begin(); one < end; one++) {
                grown_.push_back(
                    {b, (int64_t)nodes.size(), one->id, one->state, one->log_prob});
                nodes.push_back({one->id, one->parent, one->log_prob, is_last});
            }
        }
        rows_.swap(grown_);
    }

    // Write down the likeliest nodes on the paths that came to an end.
    void finish(const MlpDrafts &drafts, int64_t b) {
        std::vector<Node> &nodes = trees_[b];
        std::vector<int64_t> kept;
        for (int64_t i = (int64_t)nodes.size() - 1; i >= 0; i--) {
            if (!nodes[i].is_kept) continue;
            if (nodes[i].parent >= 0) nodes[nodes[i].parent].is_kept = true;
            kept.push_back(i);
        }
        // No node is likelier than its parent, so the likeliest are a tree again.
        auto is_likelier = [&](int64_t a, int64_t c) {
            double x = nodes[a].log_prob, y = nodes[c].log_prob;
            return x > y || (x == y && a < c);
        };
        int64_t most = std::min(drafts.rooms[b], drafts.most_nodes);
        std::sort(kept.begin(), kept.end(), is_likelier);
        if ((int64_t)kept.size() > most) kept.resize(most);
        std::sort(kept.begin(), kept.end());
        int64_t at = b * drafts.most_nodes;
        for (int64_t i : kept) {
            Node &node = nodes[i];
            const Node *parent = node.parent < 0 ? nullptr : &nodes[node.parent];
            drafts.ids[at] = node.id;
            drafts.parents[at] = parent ? parent->place : -1;
            drafts.scores[at] =
                std::min(1.0, std::exp(node.log_prob - (parent ? parent->log_prob : 0)));
            node.place = at++ - b * drafts.most_nodes;
        }
        drafts.counts[b] = (int64_t)kept.size();
    }

    MlpData data_;
    Team team_;
    std::vector<Sharing> sharings_;  // by depth
    double least_;
    std::vector<Stage> stages_;
    std::vector<std::vector<Node>> trees_;  // by request
    std::vector<Row> rows_, grown_;
    std::vector<Found> found_;
    std::vector<float> inputs_, projected_, states_, logits_, best_, log_sums_, scales_;
    std::vector<int16_t> rounded_;
    std::vector<int64_t> best_ids_;
    int64_t num_states_ = 0, stride_ = 0;
};

}  // namespace

extern "C" {

// kind: 0 for projections and embeddings in float, 1 in bfloat16.
void *mlp_new(int kind, const MlpData *data, int num_threads) {
    return kind == 0 ? (void *)new Mlp<float>(*data, num_threads)
                     : (void *)new Mlp<bfloat16>(*data, num_threads);
}

void mlp_propose(int kind, void *mlp, const MlpDrafts *drafts) {
    kind == 0 ? ((Mlp<float> *)mlp)->propose(*drafts) : ((Mlp<bfloat16> *)mlp)->propose(*drafts);
}

void mlp_delete(int kind, void *mlp) {
    kind == 0 ? delete (Mlp<float> *)mlp : delete (Mlp<bfloat16> *)mlp;
}

}  // extern "C"
