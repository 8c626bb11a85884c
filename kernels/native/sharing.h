// Whether work is shared between threads or done by one, by what either has lately taken.
//
// Sharing pays for much work on idle cores. For little work waking and waiting cost more, and beside
// a busy neighbour a thread that has lost its core holds up the others. Neither can be known
// beforehand, so both ways are timed by number of rows, and the slower is looked at now and then. What
// a row's context adds is not told apart: it grows by a row a step, and the looks follow.
// One of these for each kind of work: a row more costs another time there, so a cheap run of one kind
// would pass for a good way of doing the other.
#pragma once
#include <algorithm>
#include <array>
#include <cstdint>

class Sharing {
  public:
    // How to do so many rows.
    bool choose(int64_t rows) {
        rows_ = (double)std::max<int64_t>(rows, 1);
        size_ = &sizes_[index((uint64_t)rows_)];
        if (size_->num_runs < kFirstRuns)
            is_shared_ = size_->num_runs < kFirstRuns - 1;
        else if (size_->left_to_look > 0 || --size_->until_look > 0)
            is_shared_ = size_->is_shared != (size_->left_to_look > 0);
        else {
            size_->left_to_look = size_->is_shared ? 1 : kLookRuns;
            is_shared_ = !size_->is_shared;
        }
        return is_shared_;
    }

    // It has taken this long.
    void note(double ns) {
        Size &size = *size_;
        // Sharing that goes on finds the others awake more often than a run behind one alone does.
        bool is_waking = is_shared_ && !size.was_shared;
        size.was_shared = is_shared_;
        size.num_runs = std::min(size.num_runs + 1, kFirstRuns);
        if (size.num_runs == 1) return;  // a first run pays for what is done only once
        double pace = ns / rows_, &best = size.paces[size.is_shared];
        bool is_look = size.left_to_look > 0;
        double most = is_waking ? kWaking * kSurprise : kSurprise;
        if (is_look && pace > most * best) size.left_to_look = 1;
        bool is_last = is_look && --size.left_to_look == 0;
        if (!is_waking) size.learn(is_shared_, pace, is_look ? kLookWeight : kWeight);
        if (size.num_runs < kFirstRuns) return;
        if (size.paces[!size.is_shared] * kMargin < best) {
            size.is_shared = !size.is_shared;
            size.left_to_look = 0;
            size.until_look = size.interval = kFirstInterval;
        } else if (is_last) {
            // What is better by less than the margin is looked at again soon.
            bool is_better = !is_waking && pace < best;
            if (!is_better) size.interval = std::min(2 * size.interval, kLongestInterval);
            size.until_look = is_better ? 2 : size.interval;
        }
    }

  private:
    static constexpr int kFirstRuns = 3;  // shared, shared, alone
    static constexpr int kLookRuns = 3;  // that a look at sharing takes, if it is no great loss
    static constexpr int kFirstInterval = 16, kLongestInterval = 256;  // runs between looks
    static constexpr double kWeight = 0.2, kLookWeight = 0.5;
    static constexpr double kMargin = 1.05;   // that another way must be better by
    static constexpr double kSurprise = 2.0;  // a run that was held up longer is no price
    static constexpr double kWaking = 3.0;    // times that, where the others had to be woken

    struct Size {
        double paces[2] = {0, 0};  // ns a row, alone and shared
        int num_runs = 0, until_look = kFirstInterval, interval = kFirstInterval;
        int left_to_look = 0;
        bool is_shared = true, was_shared = true;

        void learn(bool shared, double pace, double weight) {
            double &known = paces[shared];
            if (known == 0) known = pace;
            known += weight * (std::min(pace, kSurprise * known) - known);
        }
    };

    // Few rows are told apart one by one, for the second costs a fraction of the first; many by
    // quarters of an octave.
    static size_t index(uint64_t rows) {
        if (rows < 16) return rows;
        size_t octave = 63 - __builtin_clzll(rows);
        return 16 + 4 * (octave - 4) + (rows >> (octave - 2) & 3);
    }

    std::array<Size, 256> sizes_;
    Size *size_ = &sizes_[0];
    double rows_ = 1;
    bool is_shared_ = false;
};
