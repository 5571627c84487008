// See windows_objects.h. The numbers are those of the classes' documentation; the names are what PowerShell shows.
#include "cli/windows_objects.h"

#include <boost/json/src.hpp>

namespace sallyport::cli {
namespace {
namespace json = boost::json;

constexpr size_t kMostDepth = 32;

// UTF-16 as PowerShell's redirection writes it, to UTF-8; a lone surrogate becomes U+FFFD.
std::string utf8(std::string_view text) {
  if (text.starts_with("\xef\xbb\xbf")) return std::string(text.substr(3));
  const bool little = text.starts_with("\xff\xfe");
  if (!little && !text.starts_with("\xfe\xff")) return std::string(text);
  const auto unit = [&](size_t i) -> uint32_t {
    const auto a = static_cast<uint8_t>(text[i]), b = static_cast<uint8_t>(text[i + 1]);
    return little ? static_cast<uint32_t>(b << 8 | a) : static_cast<uint32_t>(a << 8 | b);
  };
  std::string out;
  for (size_t i = 2; i + 1 < text.size(); i += 2) {
    uint32_t c = unit(i);
    if (c >= 0xd800 && c < 0xdc00 && i + 3 < text.size() && unit(i + 2) >= 0xdc00 && unit(i + 2) < 0xe000) {
      c = 0x10000 + ((c - 0xd800) << 10) + (unit(i + 2) - 0xdc00);
      i += 2;
    } else if (c >= 0xd800 && c < 0xe000) {
      c = 0xfffd;
    }
    if (c < 0x80) {
      out += static_cast<char>(c);
    } else if (c < 0x800) {
      out += {static_cast<char>(0xc0 | c >> 6), static_cast<char>(0x80 | (c & 0x3f))};
    } else if (c < 0x10000) {
      out += {static_cast<char>(0xe0 | c >> 12), static_cast<char>(0x80 | (c >> 6 & 0x3f)),
              static_cast<char>(0x80 | (c & 0x3f))};
    } else {
      out += {static_cast<char>(0xf0 | c >> 18), static_cast<char>(0x80 | (c >> 12 & 0x3f)),
              static_cast<char>(0x80 | (c >> 6 & 0x3f)), static_cast<char>(0x80 | (c & 0x3f))};
    }
  }
  return out;
}

// A property as text, whatever its type; the first of the names that is there and not null.
std::string text_of(const json::object& from, std::initializer_list<std::string_view> names) {
  for (const std::string_view name : names) {
    const json::value* v = from.if_contains(name);
    if (v == nullptr || v->is_null()) continue;
    if (v->is_string()) return std::string(v->get_string());
    if (v->is_bool()) return v->get_bool() ? "true" : "false";
    if (v->is_int64()) return std::to_string(v->get_int64());
    if (v->is_uint64()) return std::to_string(v->get_uint64());
  }
  return {};
}

// A list; one value alone is a list of one, and PowerShell 5 wraps lists in {"value": […], "Count": n}.
const json::array* array_of(const json::value& v) {
  if (v.is_array()) return &v.get_array();
  if (const json::object* o = v.if_object()) {
    if (const json::value* inner = o->if_contains("value")) return inner->if_array();
  }
  return nullptr;
}

std::vector<std::string> texts_of(const json::object& from, std::initializer_list<std::string_view> names) {
  for (const std::string_view name : names) {
    const json::value* v = from.if_contains(name);
    if (v == nullptr || v->is_null()) continue;
    std::vector<std::string> out;
    const auto add = [&](const json::value& item) {
      if (item.is_string()) out.emplace_back(item.get_string());
      if (item.is_int64()) out.push_back(std::to_string(item.get_int64()));
    };
    if (const json::array* list = array_of(*v)) {
      for (const json::value& item : *list) add(item);
    } else {
      add(*v);
    }
    return out;
  }
  return {};
}

struct Numbered {
  std::string_view number, name;
};
constexpr Numbered kCiphers[] = {{"0", "none"},          {"2", "des"},           {"6", "des3"},
                                 {"65001", "aes128"},    {"65002", "aes192"},    {"65003", "aes256"},
                                 {"65004", "aesgcm128"}, {"65005", "aesgcm192"}, {"65006", "aesgcm256"}};
constexpr Numbered kHashes[] = {{"0", "none"},           {"2", "md5"},           {"3", "sha1"},
                                {"65001", "sha256"},     {"65002", "sha384"},    {"65003", "aesgmac128"},
                                {"65004", "aesgmac192"}, {"65005", "aesgmac256"}};
constexpr Numbered kEncapsulations[] = {{"0", "none"}, {"1", "ah"}, {"2", "esp"}, {"3", "ahesp"}};
// 65005 stands for two methods in the documentation; a certificate is told by its own properties.
constexpr Numbered kAuthMethods[] = {{"2", "presharedkey"}, {"65001", "anonymous"}, {"65002", "kerberos"},
                                     {"65003", "ntlm"},     {"65004", "kerberos"},  {"65005", "ntlm"},
                                     {"65006", "cert"},     {"65007", "cert"},      {"65008", "cert"}};

template <size_t N>
std::string one_of(const Numbered (&table)[N], const std::string& printed) {
  for (const Numbered& row : table)
    if (row.number == printed) return std::string(row.name);
  return folded(printed);
}

unsigned number_of(const std::string& text) {
  return text.empty() || text.size() > 9 || text.find_first_not_of("0123456789") != std::string::npos
             ? 0
             : static_cast<unsigned>(std::stoul(text));
}

WindowsProposal proposal_of(const json::object& from) {
  WindowsProposal out;
  out.encapsulation = one_of(kEncapsulations, text_of(from, {"Encapsulation"}));
  out.cipher = one_of(kCiphers, text_of(from, {"CipherAlgorithm", "Encryption"}));
  if (out.cipher == "3des") out.cipher = "des3";
  out.hash = one_of(kHashes, text_of(from, {"HashAlgorithmESP", "ESPHash", "HashAlgorithm", "Hash"}));
  out.ah_hash = one_of(kHashes, text_of(from, {"HashAlgorithmAH", "AHHash"}));
  out.group = folded(text_of(from, {"GroupID", "GroupId", "KeyExchange"}));
  out.auth = one_of(kAuthMethods, text_of(from, {"AuthenticationMethod", "AuthMethod"}));
  out.authority = text_of(from, {"TrustedCA", "Authority"});
  if (!out.authority.empty()) out.auth = "cert";
  if (from.contains("PreSharedKey") || from.contains("PresharedKey")) out.auth = "presharedkey";
  out.minutes = number_of(text_of(from, {"MaxLifetimeMinutes", "MaxMinutes"}));
  return out;
}

WindowsSet set_of(const json::object& from) {
  WindowsSet out;
  out.group = folded(text_of(from, {"PerfectForwardSecrecyGroup", "PfsGroup", "GroupId"}));
  out.minutes = number_of(text_of(from, {"MaxLifetimeMinutes", "MaxMinutes"}));
  for (const std::string_view name : {"Proposals", "Proposal"}) {
    const json::value* v = from.if_contains(name);
    if (v == nullptr) continue;
    if (const json::array* list = array_of(*v)) {
      for (const json::value& item : *list)
        if (const json::object* one = item.if_object()) out.proposals.push_back(proposal_of(*one));
    } else if (const json::object* one = v->if_object()) {
      out.proposals.push_back(proposal_of(*one));
    }
    if (!out.proposals.empty()) break;
  }
  return out;
}

WindowsRule::Security security_of(const std::string& printed) {
  const std::string word = folded(printed);
  if (word == "1" || word == "request") return WindowsRule::Security::request;
  if (word == "2" || word == "require") return WindowsRule::Security::require;
  return WindowsRule::Security::none;
}

WindowsRule rule_of(const json::object& from, const std::string& id) {
  WindowsRule out;
  out.id = id;
  out.name = text_of(from, {"DisplayName", "ElementName", "Name", "InstanceID"});
  const std::string enabled = folded(text_of(from, {"Enabled"}));
  out.enabled = enabled.empty() || enabled == "1" || enabled == "true";
  const std::string mode = folded(text_of(from, {"Mode"}));
  out.tunnel = mode == "2" || mode == "tunnel" || mode == "tunnelmode";
  out.in = security_of(text_of(from, {"InboundSecurity"}));
  out.out = security_of(text_of(from, {"OutboundSecurity"}));
  out.key_module = text_of(from, {"KeyModule"});
  out.quick_set = text_of(from, {"QuickModeCryptoSet"});
  out.auth_set = text_of(from, {"Phase1AuthSet"});
  out.second_auth_set = text_of(from, {"Phase2AuthSet"});
  out.local_ends = texts_of(from, {"LocalTunnelEndpoint"});
  out.remote_ends = texts_of(from, {"RemoteTunnelEndpoint"});
  return out;
}

// Filters carry the rule's own identity, some with a word behind it.
std::string identity_of(const json::object& from) {
  std::string id = text_of(from, {"InstanceID", "Name", "ID"});
  if (const size_t bar = id.find('|'); bar != std::string::npos && id.starts_with("{")) id.resize(bar);
  return id;
}

void take(const json::object& from, WindowsObjects& out) {
  const std::string id = identity_of(from);
  const auto has = [&](std::string_view name) { return from.contains(name); };
  if (has("InboundSecurity") && has("OutboundSecurity")) {
    out.rules.push_back(rule_of(from, id));
  } else if (has("Protocol") && has("LocalPort")) {
    out.ports[id] = {text_of(from, {"Protocol"}), texts_of(from, {"LocalPort"}), texts_of(from, {"RemotePort"})};
  } else if (has("LocalAddress") && has("RemoteAddress")) {
    out.addresses[id] = {texts_of(from, {"LocalAddress"}), texts_of(from, {"RemoteAddress"})};
  } else if (has("Proposals") || has("Proposal")) {
    WindowsSet set = set_of(from);
    const bool quick = has("PerfectForwardSecrecyGroup") || has("PfsGroup") ||
                       (!set.proposals.empty() && !set.proposals.front().encapsulation.empty());
    const bool main = has("ForceDiffieHellman") || has("MaxLifetimeSessions") || has("MaxSessions");
    (quick ? out.quick_sets : main ? out.main_sets : out.auth_sets)[id] = std::move(set);
  }
}

void walk(const json::value& value, WindowsObjects& out) {
  if (const json::array* list = array_of(value)) {
    for (const json::value& item : *list) walk(item, out);
  } else if (const json::object* object = value.if_object()) {
    take(*object, out);
    for (const auto& [name, member] : *object) {
      if (name != "Proposals" && name != "Proposal" && (member.is_object() || member.is_array())) walk(member, out);
    }
  }
}

}  // namespace

std::string folded(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c >= 'A' && c <= 'Z') out += static_cast<char>(c - 'A' + 'a');
    if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')) out += c;
  }
  return out;
}

std::optional<WindowsObjects> read_windows_objects(std::string_view document, std::string& why) {
  json::parse_options options;
  options.max_depth = kMostDepth;
  json::error_code error;
  json::stream_parser parser({}, options);
  const std::string text = utf8(document);
  const size_t read = parser.write_some(text.data(), text.size(), error);
  if (!error) parser.finish(error);
  if (!error && text.find_first_not_of(" \t\r\n", read) != std::string::npos) error = json::error::extra_data;
  if (error) {
    const auto line =
        1 + std::count(text.begin(), text.begin() + static_cast<ptrdiff_t>(std::min(read, text.size())), '\n');
    why = "line " + std::to_string(line) + ": no JSON that can be read: " + error.message();
    return std::nullopt;
  }
  WindowsObjects out;
  walk(parser.release(), out);
  return out;
}

}  // namespace sallyport::cli
