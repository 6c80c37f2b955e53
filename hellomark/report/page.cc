// SPDX-License-Identifier: Apache-2.0
#include <string_view>
#include <utility>

#include "base/core/embed.h"
#include "hellomark/report/formats.h"

HF_EMBED(hellomark_page_html, HELLOMARK_PAGE_HTML)
HF_EMBED(hellomark_page_css, HELLOMARK_PAGE_CSS)
HF_EMBED(hellomark_page_js, HELLOMARK_PAGE_JS)
HF_EMBED(hellomark_chart_js, HELLOMARK_CHART_JS)

namespace hellomark {
namespace {

/// JSON as the text of a script element, which "</" or "<!--" would end or change.
std::string escaped(const std::string& json) {
  std::string out;
  for (const char c : json) out += c == '<' ? std::string("\\u003c") : std::string(1, c);
  return out;
}

}  // namespace

std::string to_page(const std::string& json) {
  const std::string report = escaped(json);
  const std::pair<std::string_view, std::string_view> parts[] = {
      {"{{style}}", HF_EMBEDDED(hellomark_page_css)},
      {"{{report}}", report},
      {"{{chart}}", HF_EMBEDDED(hellomark_chart_js)},
      {"{{script}}", HF_EMBEDDED(hellomark_page_js)}};
  std::string_view frame = HF_EMBEDDED(hellomark_page_html);
  std::string page;
  for (const auto& [hole, text] : parts) {  // in the order of the frame
    const size_t at = frame.find(hole);
    HF_CHECK(at != frame.npos, "the page has a place for each of its parts");
    page.append(frame.substr(0, at)).append(text);
    frame.remove_prefix(at + hole.size());
  }
  return page.append(frame);
}

}  // namespace hellomark
