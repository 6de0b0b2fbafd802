#include "lab/report/report.h"

#include <string_view>

#include "lab/support/json.h"

// The page as assemble_page.cmake puts it together; the assembler copies it in, hidden symbols keep it the
// library's own.
asm(".pushsection .rodata\n"
    ".global octet_report_page\n"
    ".hidden octet_report_page\n"
    "octet_report_page:\n"
    ".incbin \"" OCTET_REPORT_PAGE
    "\"\n"
    ".global octet_report_page_end\n"
    ".hidden octet_report_page_end\n"
    "octet_report_page_end:\n"
    ".popsection\n");
extern "C" const char octet_report_page[], octet_report_page_end[];

namespace octet::lab {
namespace {

constexpr std::string_view kMark = "@RESULTS@";

/// JSON that can stand in a script element: "<" occurs in strings alone, where its escape means the same.
std::string embedded(const Json& results) {
  const std::string plain = results.dump(-1, ' ', false, Json::error_handler_t::replace);
  std::string escaped;
  escaped.reserve(plain.size() + plain.size() / 64);
  for (const char c : plain) {
    if (c == '<')
      escaped += "\\u003c";
    else
      escaped += c;
  }
  return escaped;
}

}  // namespace

std::string render_report(const Json& results) {
  const std::string_view page(octet_report_page, octet_report_page_end);
  const std::size_t mark = page.find(kMark);  // assemble_page.cmake leaves exactly one
  std::string report(page.substr(0, mark));
  report += embedded(results);
  report += page.substr(mark + kMark.size());
  return report;
}

}  // namespace octet::lab
