// SPDX-License-Identifier: Apache-2.0
#include "base/core/stats.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include <doctest/doctest.h>

namespace hf {
namespace {

using Series = std::vector<double>;

/// What running times look like: a skewed bulk, a second mode, far outliers.
double running_time(std::mt19937_64& random) {
  std::lognormal_distribution<double> bulk(0, 0.08);
  std::uniform_real_distribution<double> part;
  const double kind = part(random);
  if (kind < 0.01) return 10 * bulk(random);
  return kind < 0.3 ? 1.25 * bulk(random) : bulk(random);
}

/// A machine that others use: some stretches of runs are slower, for all that runs in them.
class Machine {
 public:
  explicit Machine(uint64_t seed) : random_(seed) {}
  double factor() {
    if (left_-- == 0) {
      left_ = std::geometric_distribution<int>(0.05)(random_);
      factor_ = std::bernoulli_distribution(0.3)(random_) ? 1.6 : 1.0;
    }
    return factor_;
  }
  double run() { return factor_ * running_time(random_); }

 private:
  std::mt19937_64 random_;
  int left_ = 0;
  double factor_ = 1;
};

TEST_CASE("quantiles lie between neighbours in proportion") {
  const Series series{1, 2, 3, 4, 5};
  CHECK(quantile(series, 0) == 1);
  CHECK(quantile(series, 0.5) == 3);
  CHECK(quantile(series, 1) == 5);
  CHECK(quantile(series, 0.1) == doctest::Approx(1.4));
  CHECK(quantile(Series{7}, 0.3) == 7);
}

TEST_CASE("a summary of known numbers") {
  Series series(99);
  for (size_t i = 0; i < series.size(); ++i) series[i] = static_cast<double>(i * 37 % 99 + 1);
  series.push_back(1e6);
  const Summary summary = summarize(series);
  CHECK(summary.count == 100);
  CHECK(summary.median == 50.5);
  CHECK(summary.min == 1);
  CHECK(summary.max == 1e6);
  CHECK(summary.mean == doctest::Approx((99 * 50 + 1e6) / 100));
  CHECK(summary.spread == doctest::Approx(25));
  CHECK(summary.outliers == 1);
}

TEST_CASE("nothing, one and few samples") {
  CHECK(summarize({}).count == 0);
  const Summary one = summarize(Series{3});
  CHECK(one.median == 3);
  CHECK(one.median_95.low == 3);
  CHECK(one.median_95.high == 3);
  CHECK(std::isinf(one.uncertainty()));
  const Summary few = summarize(Series{3, 1, 2});
  CHECK(few.median_95.low == 1);
  CHECK(few.median_95.high == 3);
  CHECK(summarize(Series(50, 2.0)).uncertainty() == 0);
}

TEST_CASE("the interval is that of a bootstrap by resampling") {
  std::mt19937_64 random(1);
  for (const size_t n : {20, 101, 500}) {
    Series series(n);
    for (double& sample : series) sample = running_time(random);
    Series medians;
    std::uniform_int_distribution<size_t> any(0, n - 1);
    for (int i = 0; i < 4000; ++i) {
      Series resample(n);
      for (double& sample : resample) sample = series[any(random)];
      std::ranges::sort(resample);
      medians.push_back(quantile(resample, 0.5));
    }
    std::ranges::sort(medians);
    const Summary summary = summarize(series);
    const double length = quantile(medians, 0.975) - quantile(medians, 0.025);
    CHECK(summary.median_95.low <= quantile(medians, 0.05));
    CHECK(summary.median_95.high >= quantile(medians, 0.95));
    CHECK(summary.median_95.high - summary.median_95.low < 2 * length);
  }
}

TEST_CASE("the interval of the median holds the truth 95 times in 100") {
  std::mt19937_64 random(2);
  Series truth(1'000'001);
  for (double& sample : truth) sample = running_time(random);
  std::ranges::sort(truth);
  const double median = quantile(truth, 0.5);
  for (const size_t n : {10, 30, 300}) {
    int held = 0;
    for (int i = 0; i < 1000; ++i) {
      Series series(n);
      for (double& sample : series) sample = running_time(random);
      const Summary summary = summarize(series);
      held += summary.median_95.low <= median && median <= summary.median_95.high;
    }
    CHECK(held >= 935);
  }
}

TEST_CASE("disturbed neighbours widen the interval until it holds the truth") {
  int held = 0;
  for (uint64_t seed = 0; seed < 300; ++seed) {
    std::mt19937_64 random(seed);
    Series series(2000);
    double level = 0;
    std::normal_distribution<double> normal;
    for (double& sample : series) sample = 100 + (level = 0.9 * level + normal(random));
    const Summary summary = summarize(series);
    held += summary.median_95.low <= 100 && 100 <= summary.median_95.high;
    CHECK(summary.correlation > 3);
  }
  CHECK(held >= 270);
}

TEST_CASE("the same command twice is called different in less than 1 of 100 pairs") {
  int different = 0, outside = 0;
  for (uint64_t seed = 0; seed < 1000; ++seed) {
    Machine machine(seed);
    Series a, b;
    for (size_t round = 0; round < 20 + seed % 180; ++round) {
      machine.factor();
      a.push_back(machine.run());
      b.push_back(machine.run());
    }
    const Comparison comparison = compare_paired(a, b);
    different += comparison.different;
    outside += comparison.ratio_95.low > 1 || comparison.ratio_95.high < 1;
  }
  CHECK(different <= 4);
  CHECK(outside <= 60);
}

TEST_CASE("five of a hundred are found, with their size") {
  int found = 0, held = 0;
  for (uint64_t seed = 0; seed < 200; ++seed) {
    Machine machine(seed);
    Series a, b;
    for (int round = 0; round < 700; ++round) {
      machine.factor();
      a.push_back(1.05 * machine.run());
      b.push_back(machine.run());
    }
    const Comparison comparison = compare_paired(a, b);
    found += comparison.different && comparison.ratio > 1;
    held += comparison.ratio_95.low <= 1.05 && 1.05 <= comparison.ratio_95.high;
  }
  CHECK(found >= 195);
  CHECK(held >= 180);
}

TEST_CASE("a comparison of plain numbers") {
  const Series a{3, 6, 9, 12, 15, 18, 21, 24, 27, 30, 33, 36, 39, 42, 45};
  Series b;
  for (const double x : a) b.push_back(x / 3);
  const Comparison comparison = compare_paired(a, b);
  CHECK(comparison.ratio == doctest::Approx(3));
  CHECK(comparison.ratio_95.low == doctest::Approx(3));
  CHECK(comparison.a_larger == 1);
  CHECK(comparison.different);
  const Comparison none = compare_paired(a, a);
  CHECK(none.ratio == 1);
  CHECK(none.p == 1);
  CHECK(none.a_larger == 0.5);
  CHECK_FALSE(none.different);
  CHECK(compare_paired({}, {}).rounds == 0);
}

TEST_CASE("few rounds are judged by counting patterns of signs") {
  const auto p_of_first = [](size_t rounds, size_t negative) {
    Series a, b(rounds, 1.0);
    for (size_t i = 0; i < rounds; ++i) {
      const size_t rank = i % 2 == 0 ? i / 2 : rounds - 1 - i / 2;  // neighbours are independent
      a.push_back(std::exp(static_cast<double>(rank + 1) * (rank < negative ? -0.01 : 0.01)));
    }
    return compare_paired(a, b).p;
  };
  CHECK(p_of_first(10, 0) == doctest::Approx(2.0 / 1024));
  CHECK(p_of_first(12, 0) == doctest::Approx(2.0 / 4096));
  CHECK(p_of_first(8, 1) == doctest::Approx(4.0 / 256));
  CHECK(p_of_first(8, 2) == doctest::Approx(10.0 / 256));  // sums 0, 1, 2, 3 twice; both sides
  CHECK(p_of_first(400, 0) < 1e-9);
}

TEST_CASE("two series of two processes") {
  std::mt19937_64 random(5);
  int different = 0, found = 0;
  for (int i = 0; i < 500; ++i) {
    Series a, b, c;
    for (int n = 0; n < 100; ++n) {
      a.push_back(running_time(random));
      b.push_back(running_time(random));
      c.push_back(1.1 * running_time(random));
    }
    different += rank_sum_p(a, b) < 0.01;
    found += rank_sum_p(a, c) < 0.01;
  }
  CHECK(different <= 12);
  CHECK(found >= 450);
  CHECK(rank_sum_p({}, Series{3, 4}) == 1);
  CHECK(rank_sum_p(Series(9, 1.0), Series(9, 1.0)) == 1);
  CHECK(rank_sum_p(Series{1, 2}, Series{3, 4}) == doctest::Approx(2.0 / 6));
  CHECK(rank_sum_p(Series{1, 3, 5, 2, 4}, Series{7, 9, 8, 10, 6}) == doctest::Approx(2.0 / 252));
  CHECK(rank_sum_p(Series{1, 1, 2}, Series{2, 3, 3}) == doctest::Approx(4.0 / 20));  // with ties
}

}  // namespace
}  // namespace hf
