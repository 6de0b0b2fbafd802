#include "tools/support/json_output.h"

#include <cstdio>
#include <string>

namespace octet::tools {

void print_json(const Json& document) {
  // Names from files may be any bytes; JSON must be UTF-8.
  const std::string text = document.dump(2, ' ', false, Json::error_handler_t::replace);
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fputc('\n', stdout);
}

Json to_json(const Shape& shape) { return shape.dims(); }

}  // namespace octet::tools
