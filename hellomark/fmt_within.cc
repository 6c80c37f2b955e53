// SPDX-License-Identifier: Apache-2.0
//
// fmt's functions within the program. Its shared library needs the C++ one, and loading the two
// takes longer than all else that hellomark does as it starts.
#include <fmt/format-inl.h>

template fmt::detail::thousands_sep_result<char> fmt::detail::thousands_sep_impl(
    fmt::detail::locale_ref);
template char fmt::detail::decimal_point_impl(fmt::detail::locale_ref);
