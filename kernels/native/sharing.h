// Whether work is shared between threads or done by one, by what either has lately taken.
//
// Sharing pays for much work on idle cores. For little work waking and waiting cost more, and beside
// a busy neighbour a thread that has lost its core holds up the others. Neither can be known
// beforehand, so both ways are timed by size of work, and the slower is looked at now and then.
#pragma once
#include <algorithm>
#include <array>
#include <cstdint>

class Sharing {
  public:
    // How to do this much work, in multiplications.
    bool choose(int64_t work) {
        work_ = (double)std::max<int64_t>(work, 1);
        size_ = &sizes_[63 - __builtin_clzll((uint64_t)work_)];
        if (size_->num_runs < kFirstRuns)
            is_shared_ = size_->num_runs < kFirstRuns - 1;
        else
            is_shared_ = size_->is_shared != (--size_->until_look <= 0);
        return is_shared_;
    }

    // It has taken this long.
    void note(double ns) {
        Size &size = *size_;
        size.num_runs = std::min(size.num_runs + 1, kFirstRuns + 1);
        if (size.num_runs == 1) return;  // a first run pays for what is done only once
        double pace = ns / work_;
        bool is_look = size.num_runs > kFirstRuns && is_shared_ != size.is_shared;
        size.learn(is_shared_, pace, is_look ? kLookWeight : kWeight);
        if (size.num_runs < kFirstRuns) return;
        double &best = size.paces[size.is_shared], &other = size.paces[!size.is_shared];
        if (other * kMargin < best) {
            size.is_shared = !size.is_shared;
            size.until_look = size.interval = kFirstInterval;
        } else if (is_look) {
            size.interval = std::min(2 * size.interval, kLongestInterval);
            size.until_look = pace < best ? 1 : size.interval;
        }
    }

  private:
    static constexpr int kFirstRuns = 3;  // shared, shared, alone
    static constexpr int kFirstInterval = 16, kLongestInterval = 256;  // runs between looks
    static constexpr double kWeight = 0.2, kLookWeight = 0.5;
    static constexpr double kMargin = 1.05;   // that another way must be better by
    static constexpr double kSurprise = 2.0;  // a run that was held up longer is no price

    struct Size {
        double paces[2] = {0, 0};  // ns a multiplication, alone and shared
        int num_runs = 0, until_look = kFirstInterval, interval = kFirstInterval;
        bool is_shared = true;

        void learn(bool shared, double pace, double weight) {
            double &known = paces[shared];
            if (known == 0) known = pace;
            known += weight * (std::min(pace, kSurprise * known) - known);
        }
    };

    std::array<Size, 64> sizes_;
    Size *size_ = &sizes_[0];
    double work_ = 1;
    bool is_shared_ = false;
};
