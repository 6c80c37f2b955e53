// SPDX-License-Identifier: Apache-2.0
#include "base/core/stats.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>
#include <vector>

#include "base/core/result.h"

namespace hf {
namespace {

constexpr double kZ95 = 1.959964;
constexpr double kDifferentBelow = 0.001;
constexpr double kOutlierSpreads = 10;
constexpr size_t kMostCounted = 40;  // ranks whose patterns are counted
constexpr size_t kFewest = 6;  // all signs alike has a chance of 2 in 2^6, the first below 5 %

std::vector<double> ascending(std::span<const double> samples) {
  std::vector<double> sorted(samples.begin(), samples.end());
  std::ranges::sort(sorted);
  return sorted;
}

/// The integrated autocorrelation time of the signs of samples - centre, at least 1.
double correlation_time(std::span<const double> samples, double centre) {
  const size_t n = samples.size();
  const auto block = static_cast<size_t>(std::sqrt(static_cast<double>(n)));
  if (block < 2) return 1;
  const auto sign = [&](size_t i) {
    return samples[i] > centre ? 1.0 : samples[i] < centre ? -1.0 : 0.0;
  };
  double mean = 0, power = 0, sum = 0, squares = 0;
  for (size_t i = 0; i < n; ++i) {
    mean += sign(i);
    power += sign(i) * sign(i);
  }
  mean /= static_cast<double>(n);
  for (size_t i = 0; i < n; ++i) {
    sum += sign(i) - mean;
    if (i >= block) sum -= sign(i - block) - mean;
    if (i + 1 >= block) squares += sum * sum;
  }
  const double variance = power / static_cast<double>(n) - mean * mean;
  if (variance <= 0) return 1;
  const double of_block = squares / static_cast<double>(n - block + 1);
  return std::max(1.0, of_block / (static_cast<double>(block) * variance));
}

/// Wilcoxon's signed ranks of samples - shift as a standard normal number; `scratch` is reused.
double signed_rank_z(std::span<const double> samples, double shift, std::vector<double>& scratch) {
  scratch.clear();
  for (const double sample : samples)
    if (sample != shift) scratch.push_back(sample - shift);
  std::ranges::sort(scratch, {}, [](double x) { return std::abs(x); });
  const auto n = static_cast<double>(scratch.size());
  if (scratch.empty()) return 0;
  double positive = 0;
  for (size_t i = 0; i < scratch.size();) {
    size_t end = i + 1;
    while (end < scratch.size() && std::abs(scratch[end]) == std::abs(scratch[i])) ++end;
    const double rank = static_cast<double>(i + 1 + end) / 2;  // of ties: the middle one
    for (; i < end; ++i)
      if (scratch[i] > 0) positive += rank;
  }
  return (positive - n * (n + 1) / 4) / std::sqrt(n * (n + 1) * (2 * n + 1) / 24);
}

/// The chance of signed ranks as far from the middle as `z` says, if signs are a matter of luck.
double two_sided_p(double z) {
  return std::erfc(std::abs(z) / std::sqrt(2.0));
}

/// The same for `n` ranks without ties by counting: of the 2^n patterns of signs, how many have a
/// sum of positive ranks at least as far out. The normal limit is too timid for few ranks.
double exact_two_sided_p(size_t n, double z) {
  const size_t most = n * (n + 1) / 2;
  std::vector<double> patterns(most + 1);  // by their sum
  patterns[0] = 1;
  for (size_t rank = 1; rank <= n; ++rank)
    for (size_t sum = most; sum >= rank; --sum) patterns[sum] += patterns[sum - rank];
  const auto count = static_cast<double>(n);
  const double off = std::abs(z) * std::sqrt(count * (count + 1) * (2 * count + 1) / 24);
  double outside = 0;
  for (size_t sum = 0; sum <= most; ++sum)
    if (std::abs(static_cast<double>(sum) - static_cast<double>(most) / 2) >= off - 1e-6)
      outside += patterns[sum];
  return outside / std::exp2(count);
}

/// The p of `z`, of which dependence leaves 1/widening.
double p_of(double z, size_t ranks, double widening) {
  if (ranks == 0) return 1;
  if (ranks > kMostCounted) return two_sided_p(z / widening);
  const double exact = exact_two_sided_p(ranks, z);
  double low = 0, high = 40;  // the z that the limit would have for it
  for (int i = 0; i < 60; ++i) {
    const double middle = std::midpoint(low, high);
    (two_sided_p(middle) > exact ? low : high) = middle;
  }
  return two_sided_p(low / widening);
}

/// The chance that `chosen` of the ranks sum up at least `off` away from the middle, by counting.
double counted_rank_sum_p(std::span<const size_t> ranks, size_t chosen, double off) {
  size_t most = 0;
  for (const size_t rank : ranks) most += rank;
  const double middle = static_cast<double>(most * chosen) / static_cast<double>(ranks.size());
  std::vector<std::vector<double>> ways(chosen + 1, std::vector<double>(most + 1));
  ways[0][0] = 1;
  for (const size_t rank : ranks)
    for (size_t count = chosen; count > 0; --count)
      for (size_t sum = most; sum >= rank; --sum) ways[count][sum] += ways[count - 1][sum - rank];
  double outside = 0, all = 0;
  for (size_t sum = 0; sum <= most; ++sum) {
    all += ways[chosen][sum];
    if (std::abs(static_cast<double>(sum) - middle) >= std::abs(off) - 1e-6)
      outside += ways[chosen][sum];
  }
  return outside / all;
}

/// The shift at which the signed ranks, which fall as it grows, reach `z`.
double shift_at(std::span<const double> samples, double z, Interval range,
                std::vector<double>& scratch) {
  constexpr int kHalvings = 40;  // 1e-12 of the range
  for (int i = 0; i < kHalvings && range.low < range.high; ++i) {
    const double middle = std::midpoint(range.low, range.high);
    (signed_rank_z(samples, middle, scratch) > z ? range.low : range.high) = middle;
  }
  return std::midpoint(range.low, range.high);
}

}  // namespace

double quantile(std::span<const double> sorted, double q) {
  HF_CHECK(!sorted.empty(), "a quantile of something");
  const double at = std::clamp(q, 0.0, 1.0) * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<size_t>(at);
  const size_t above = std::min(below + 1, sorted.size() - 1);
  return std::lerp(sorted[below], sorted[above], at - static_cast<double>(below));
}

double Summary::uncertainty() const {
  if (count < kFewest || median <= 0) return std::numeric_limits<double>::infinity();
  return (median_95.high - median_95.low) / 2 / median;
}

Summary summarize(std::span<const double> samples) {
  Summary summary;
  summary.count = samples.size();
  if (samples.empty()) return summary;
  const auto sorted = ascending(samples);
  const auto n = static_cast<double>(sorted.size());
  summary.min = sorted.front();
  summary.max = sorted.back();
  summary.q1 = quantile(sorted, 0.25);
  summary.median = quantile(sorted, 0.5);
  summary.q3 = quantile(sorted, 0.75);
  summary.mean = std::accumulate(sorted.begin(), sorted.end(), 0.0) / n;
  std::vector<double> distances;
  double squares = 0;
  for (const double sample : sorted) {
    distances.push_back(std::abs(sample - summary.median));
    squares += (sample - summary.mean) * (sample - summary.mean);
  }
  if (sorted.size() > 1) summary.deviation = std::sqrt(squares / (n - 1));
  std::ranges::sort(distances);
  summary.spread = quantile(distances, 0.5);
  for (const double distance : distances)
    if (summary.spread > 0 && distance > kOutlierSpreads * summary.spread) ++summary.outliers;

  summary.median_95 = {summary.min, summary.max};
  if (sorted.size() < kFewest) return summary;
  summary.correlation = correlation_time(samples, summary.median);
  const double half = kZ95 / 2 / std::sqrt(n / summary.correlation + kZ95 * kZ95);
  // Samples stand for the middles of their steps; outward to the next one, for few are coarse.
  const double low = (n - 1) / 2 - n * half;
  summary.median_95 = {sorted[static_cast<size_t>(std::max(0.0, std::floor(low)))],
                       sorted[static_cast<size_t>(std::min(n - 1, std::ceil(n - 1 - low)))]};
  return summary;
}

Comparison compare_paired(std::span<const double> a, std::span<const double> b) {
  HF_CHECK(a.size() == b.size(), "both series have the same rounds");
  Comparison result;
  result.rounds = a.size();
  std::vector<double> logs;
  double larger = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    HF_CHECK(a[i] > 0 && b[i] > 0, "ratios need positive numbers");
    logs.push_back(std::log(a[i] / b[i]));
    larger += a[i] > b[i] ? 1 : a[i] < b[i] ? 0 : 0.5;
  }
  if (logs.empty()) return result;
  result.a_larger = larger / static_cast<double>(logs.size());
  const auto [least, most] = std::ranges::minmax(logs);
  std::vector<double> scratch;
  const double centre = shift_at(logs, 0, {least, most}, scratch);
  result.ratio = std::exp(centre);
  result.ratio_95 = {std::exp(least), std::exp(most)};
  if (logs.size() < kFewest) return result;
  const double widening = std::sqrt(correlation_time(logs, centre));
  result.ratio_95 = {std::exp(shift_at(logs, kZ95 * widening, {least, most}, scratch)),
                     std::exp(shift_at(logs, -kZ95 * widening, {least, most}, scratch))};
  const double z = signed_rank_z(logs, 0, scratch);
  result.p = p_of(z, scratch.size(), widening);
  result.different = result.p < kDifferentBelow;
  return result;
}

double rank_sum_p(std::span<const double> a, std::span<const double> b) {
  if (a.empty() || b.empty()) return 1;
  std::vector<std::pair<double, bool>> all;  // and whether it is of `a`
  for (const double sample : a) all.emplace_back(sample, true);
  for (const double sample : b) all.emplace_back(sample, false);
  std::ranges::sort(all);
  std::vector<size_t> doubled;  // twice the ranks, whole numbers also for ties
  size_t of_a = 0;
  for (size_t i = 0; i < all.size();) {
    size_t end = i + 1;
    while (end < all.size() && all[end].first == all[i].first) ++end;
    const size_t rank = i + 1 + end;
    for (; i < end; ++i) {
      doubled.push_back(rank);
      of_a += all[i].second ? rank : 0;
    }
  }
  const auto m = static_cast<double>(a.size()), n = static_cast<double>(b.size()), total = m + n;
  const double off = static_cast<double>(of_a) - m * (total + 1);  // from the middle, doubled
  if (all.size() <= kMostCounted) return counted_rank_sum_p(doubled, a.size(), off);
  double squares = 0;
  for (const size_t rank : doubled) {
    const double from_middle = static_cast<double>(rank) - (total + 1);
    squares += from_middle * from_middle;
  }
  const double variance = squares * m * n / (total * (total - 1));
  if (variance <= 0) return 1;
  const double widening = std::max(summarize(a).correlation, summarize(b).correlation);
  return two_sided_p(off / std::sqrt(variance * widening));
}

}  // namespace hf
