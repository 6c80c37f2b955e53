// SPDX-License-Identifier: Apache-2.0
//
// Statistics of measurements that are neither normal nor independent.
//
// Problem. Running times are skewed, have several modes and far outliers, and what disturbs one run
// (another program, a slower clock) disturbs its neighbours. A mean with its standard error then
// promises too much or shows nothing.
//
// Idea. Medians and ranks throughout. The interval of a median is the percentile interval of its
// bootstrap, which needs no resampling: a resample's median lies below the k-th smallest sample
// when at least half of n draws do, each with chance k/n. In the normal limit of that binomial the
// 95 % interval runs between the quantiles 1/2 -+ z / (2 sqrt(n + z^2)), z = 1.96.
//
// Two series taken in rounds are compared within rounds, by Wilcoxon's signed ranks on the
// logarithm of their ratio. The ratio that balances the ranks (Hodges and Lehmann) is the estimate,
// those that the test does not reject at 5 % are the interval, and "different" is a rejection at
// 0.1 %: looking at many pairs, or now and then while runs go on, then still misleads less than
// once in a hundred.
//
// Dependence. A sample counts as 1/t, where t is the integrated autocorrelation time of the series
// of signs about the median, by overlapping blocks of sqrt(n) samples; t is never taken below 1.
//
// Limits. Series of fewer than 6 have no interval but their range. What stays constant within a
// process and changes between processes is seen by no statistics of one process.
//
// Cost. n log n for a summary; some 100 n for a comparison.
#pragma once

#include <cstddef>
#include <span>

namespace hf {

struct Interval {
  double low = 0, high = 0;
};

/// The q-quantile of ascending samples, between neighbours in proportion. At least one sample.
double quantile(std::span<const double> ascending, double q);

struct Summary {
  size_t count = 0;
  double median = 0;
  Interval median_95;              // the 95 % interval of the median
  double mean = 0, deviation = 0;  // standard deviation of single samples
  double spread = 0;               // median distance from the median (MAD)
  double min = 0, max = 0, q1 = 0, q3 = 0;
  size_t outliers = 0;     // further than 10 spreads from the median
  double correlation = 1;  // t above: how many samples weigh as one

  /// Half of the interval's length as a part of the median; infinite while it is not known.
  double uncertainty() const;
};
/// `samples` in the order they were taken; zeros only if there are none.
Summary summarize(std::span<const double> samples);

struct Comparison {
  size_t rounds = 0;
  double ratio = 1;       // how many times larger `a` is than `b`
  Interval ratio_95;      // its 95 % interval
  double p = 1;           // chance of ranks at least as lopsided if there were no difference
  double a_larger = 0.5;  // part of the rounds where `a` was larger; ties count half
  bool different = false;
};
/// Two series of positive numbers, of which a[i] and b[i] were taken in the same round.
Comparison compare_paired(std::span<const double> a, std::span<const double> b);

/// The chance that two independent series were as unlike in their ranks if both came from one
/// source (Mann and Whitney, two-sided). Up to 40 samples are counted out; beyond, it is the normal
/// limit, each sample weighing what its series' correlation allows.
double rank_sum_p(std::span<const double> a, std::span<const double> b);

}  // namespace hf
