// [dos_protection.NAME].
#include <algorithm>

#include "config/filter_parts.h"
#include "model/selector.h"

namespace sallyport::config {
namespace {

constexpr Bit kKeying[] = {{"ikev1", 1}, {"ikev2", 2}, {"authip", 4}};
constexpr uint32_t kMostSeconds = 24 * 3600;

void read_interfaces(Section& section, std::string_view key, std::vector<std::string>& out) {
  if (!section.read_list(key, out)) {
    if (section.node().find(key) == nullptr)
      section.refuse("", "lacks \"" + std::string(key) + "\": the names of interfaces.");
    return;
  }
  for (const std::string& name : out)
    if (!valid_interface_name(name)) section.refuse(key, "\"" + name + "\" is no name of an interface.");
  if (out.empty() || out.size() > 64) section.refuse(key, "names 1 to 64 interfaces.");
}

// A prefix is a selector whose addresses make one.
void read_prefix(Section& section, std::string_view key, Prefix6& out) {
  std::string text;
  if (!section.read(key, text)) return;
  const size_t slash = text.find('/');
  const auto address = IpAddr::parse(text.substr(0, slash));
  const auto selector = model::parse_selector(text);
  if (!address || !selector || selector->family() != Family::v6 || selector->protocol != 0 || !selector->any_port() ||
      address->is_v4() || selector->first != *address) {
    section.refuse(key, "\"" + text + "\" is no IPv6 prefix.");
    return;
  }
  out.address = *address;
  out.length = slash == std::string::npos ? uint8_t{128} : static_cast<uint8_t>(std::stoul(text.substr(slash + 1)));
}

void read_rate(Section& section, std::string_view key, uint32_t& out) {
  std::optional<uint64_t> rate;
  if (!section.read_size(key, rate)) return;
  if (rate && (*rate == 0 || *rate > UINT32_MAX)) {
    section.refuse(key, "is 1 to 4294967295 octets in a second, or \"never\".");
    return;
  }
  out = static_cast<uint32_t>(rate.value_or(0));
}

void read_class(Section& parent, std::string_view key, DosClassSettings& out, uint32_t* per_address = nullptr) {
  const Node* node = parent.find(key);
  if (node == nullptr) return;
  Section section(*node, parent.path_of(key), parent.reading(), parent.line_of(key));
  read_rate(section, "rate", out.bytes_per_second);
  if (per_address != nullptr) read_rate(section, "rate_per_address", *per_address);
  uint8_t dscp = 0;
  if (section.read_number("dscp", dscp, 0, 63)) out.dscp = dscp;
  section.finish();
}

}  // namespace

bool valid_interface_name(const std::string& name) {
  const auto good = [](char c) { return c > ' ' && c < 0x7f && c != '/' && c != '"' && c != '\\' && c != '*'; };
  return !name.empty() && name.size() <= 15 && std::all_of(name.begin(), name.end(), good);
}

void read_dos_protection(Section& section, const std::string& name, Settings& settings) {
  DosProtectionSettings out;
  out.name = name;
  read_interfaces(section, "public", out.public_interfaces);
  read_interfaces(section, "internal", out.internal_interfaces);
  for (const std::string& each : out.public_interfaces)
    if (std::find(out.internal_interfaces.begin(), out.internal_interfaces.end(), each) !=
        out.internal_interfaces.end())
      section.refuse("internal", "\"" + each + "\" is among the public interfaces too.");
  read_prefix(section, "public_prefix", out.public_prefix);
  read_prefix(section, "internal_prefix", out.internal_prefix);
  uint64_t keying = 0;
  if (read_bits(section, "keying", kKeying, keying)) {
    out.ikev1 = keying & 1;
    out.ikev2 = keying & 2;
    out.authip = keying & 4;
  }
  section.read("default_block", out.default_block);
  std::string filter;
  if (section.read_word("filter", filter, {"none", "block", "exempt"}))
    out.filter = filter == "block"    ? DosProtectionSettings::Filter::block
                 : filter == "exempt" ? DosProtectionSettings::Filter::exempt
                                      : DosProtectionSettings::Filter::none;
  read_class(section, "unauthenticated", out.unauthenticated, &out.unauthenticated_per_address);
  read_class(section, "authenticated", out.authenticated);
  read_class(section, "icmpv6", out.icmpv6);
  read_class(section, "filter_exempt", out.filter_exempt);
  read_class(section, "default_block_exempt", out.default_block_exempt);
  read_seconds(section, "state_idle_timeout", seconds(1), seconds(kMostSeconds), out.state_idle_timeout_seconds);
  read_seconds(section, "queue_idle_timeout", seconds(1), seconds(kMostSeconds), out.queue_idle_timeout_seconds);
  section.read_number("max_states", out.max_states, 1, 131072);
  section.read_number("max_queues", out.max_queues, 1, 131072);
  section.finish();
  settings.dos_protection.push_back(std::move(out));
}

}  // namespace sallyport::config
