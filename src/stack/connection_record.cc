// See connection_record.h.
#include "stack/connection_record.h"

#include <charconv>

#include "stack/filter_settings.h"

namespace sallyport::stack {
namespace {

using model::Selector;
using model::Selectors;

std::optional<Selectors> selectors_of(std::string_view text) {
  Selectors out;
  while (!text.empty()) {
    const size_t space = text.find(' ');
    auto one = model::parse_selector(text.substr(0, space));
    if (!one) return {};
    out.push_back(*one);
    text = space == std::string_view::npos ? std::string_view{} : text.substr(space + 1);
  }
  return out;
}

std::string text_of(const Selectors& selectors) {
  std::string out;
  for (const Selector& each : selectors) out += (out.empty() ? "" : " ") + each.to_string();
  return out;
}

bool read_number(std::string_view text, uint32_t& out) {
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), out);
  return !text.empty() && failed == std::errc() && end == text.data() + text.size();
}

bool read_line(std::string_view word, std::string_view value, ConnectionRecord& out) {
  if (word == "connection") {
    out.connection = value;
    return !value.empty();
  }
  if (word == "child") {
    out.child = value;
    return !value.empty();
  }
  if (word == "reqid") return read_number(value, out.reqid);
  if (word == "part") return read_number(value, out.part);
  if (word != "local" && word != "remote") return false;
  auto selectors = selectors_of(value);
  if (!selectors || selectors->empty()) return false;
  (word == "local" ? out.local : out.remote) = std::move(*selectors);
  return true;
}

}  // namespace

Bytes write_record(const ConnectionRecord& record) {
  std::string out = "connection " + record.connection + "\n";
  if (!record.child.empty()) out += "child " + record.child + "\n";
  if (!record.local.empty()) {
    out += "reqid " + std::to_string(record.reqid) + "\npart " + std::to_string(record.part) + "\n";
    out += "local " + text_of(record.local) + "\nremote " + text_of(record.remote) + "\n";
  }
  return to_bytes(as_bytes(out));
}

std::optional<ConnectionRecord> read_record(ByteView octets) {
  ConnectionRecord out;
  for (std::string_view rest = as_text(octets); !rest.empty();) {
    const size_t end = rest.find('\n');
    if (end == std::string_view::npos) return {};
    const std::string_view line = rest.substr(0, end);
    const size_t space = line.find(' ');
    if (space == std::string_view::npos || !read_line(line.substr(0, space), line.substr(space + 1), out)) return {};
    rest = rest.substr(end + 1);
  }
  if (out.connection.empty() || out.local.empty() != out.remote.empty()) return {};
  return out;
}

bool is_of_connection(const policy::ObjectHead& head) {
  return !head.provider_data.empty() && head.provider == configuration_provider();
}

}  // namespace sallyport::stack
