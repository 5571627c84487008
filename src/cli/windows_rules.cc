// See windows_rules.h. How a rule becomes filters: the scenario lists of the Windows Filtering Platform's documentation
// (domain isolation, boundary host, transport mode without fall-back), by what the rule asks of either direction.
#include "cli/windows_rules.h"

#include <algorithm>
#include <set>

#include "base/ip_addr.h"
#include "cli/windows_objects.h"

namespace sallyport::cli {
namespace {

using Security = WindowsRule::Security;

// The set that stands in for a rule's own where it names none.
constexpr std::string_view kDefaultMainSet = "{e5a5d32a-4bce-4e4d-b07f-4ab1ba7e5fe3}";
constexpr std::string_view kDefaultQuickSet = "{e5a5d32a-4bce-4e4d-b07f-4ab1ba7e5fe4}";

std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? '?' : c;
  }
  return out + "\"";
}

std::string listed(const std::vector<std::string>& texts) {
  std::string out = "[";
  for (const std::string& text : texts) out += (out.size() == 1 ? "" : ", ") + quoted(text);
  return out + "]";
}

bool any(const std::vector<std::string>& texts) {
  return texts.empty() || (texts.size() == 1 && folded(texts.front()) == "any");
}

std::string lower(std::string text) {
  for (char& c : text)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return text;
}

// "10.0.0.0/255.0.0.0" is how Windows prints a prefix of IPv4.
std::optional<std::string> address(const std::string& printed) {
  const size_t slash = printed.find('/'), dash = printed.find('-');
  const std::string head = printed.substr(0, std::min(slash, dash));
  const auto first = IpAddr::parse(head);
  if (!first) return std::nullopt;
  if (dash != std::string::npos) {
    const auto last = IpAddr::parse(printed.substr(dash + 1));
    if (!last || last->family() != first->family() || *last < *first) return std::nullopt;
    return head + "-" + printed.substr(dash + 1);
  }
  if (slash == std::string::npos) return head;
  const std::string tail = printed.substr(slash + 1);
  if (tail.find_first_not_of("0123456789") == std::string::npos && !tail.empty() && tail.size() < 4) {
    return std::stoul(tail) <= (first->family() == Family::v4 ? 32u : 128u) ? std::optional(printed) : std::nullopt;
  }
  const auto mask = IpAddr::parse(tail);
  if (!mask || mask->family() != Family::v4 || first->family() != Family::v4) return std::nullopt;
  unsigned length = 0;
  bool ended = false;
  for (const uint8_t octet : mask->bytes()) {
    for (int bit = 7; bit >= 0; --bit) {
      const bool one = octet >> bit & 1;
      if (one && ended) return std::nullopt;
      ended = ended || !one;
      length += one;
    }
  }
  return head + "/" + std::to_string(length);
}

// Conditions of one rule in our words; `why` when one has none.
struct Conditions {
  std::vector<std::string> local, remote, local_ports, remote_ports;
  std::string protocol;
  std::string why;

  void take(const std::vector<std::string>& printed, std::vector<std::string>& into, bool ports) {
    if (any(printed)) return;
    for (const std::string& text : printed) {
      const bool numbers = !text.empty() && text.find_first_not_of("0123456789-") == std::string::npos;
      const auto good = ports ? (numbers ? std::optional(text) : std::nullopt) : address(text);
      if (!good) {
        why =
            std::string(ports ? "the port " : "the address ") + quoted(text) + " has no fixed meaning outside Windows";
        return;
      }
      into.push_back(*good);
    }
  }
  std::string addresses() const {
    std::string out;
    if (!local.empty()) out += ", IP_LOCAL_ADDRESS = " + listed(local);
    if (!remote.empty()) out += ", IP_REMOTE_ADDRESS = " + listed(remote);
    return out;
  }
  std::string flows() const {
    std::string out = addresses();
    if (!protocol.empty()) {
      const bool number = protocol.find_first_not_of("0123456789") == std::string::npos;
      out += ", IP_PROTOCOL = " + (number ? protocol : quoted(protocol));
    }
    if (!local_ports.empty()) out += ", IP_LOCAL_PORT = " + listed(local_ports);
    if (!remote_ports.empty()) out += ", IP_REMOTE_PORT = " + listed(remote_ports);
    return out;
  }
};

Conditions conditions_of(const WindowsRule& rule, const WindowsObjects& all) {
  Conditions out;
  const auto addresses = all.addresses.find(rule.id);
  if (addresses == all.addresses.end()) {
    out.why = "its address filter is missing (Get-NetFirewallAddressFilter)";
    return out;
  }
  out.take(addresses->second.local, out.local, false);
  out.take(addresses->second.remote, out.remote, false);
  const auto ports = all.ports.find(rule.id);
  if (ports == all.ports.end()) {
    if (out.why.empty()) out.why = "its port filter is missing (Get-NetFirewallPortFilter)";
    return out;
  }
  const std::string protocol = folded(ports->second.protocol);
  if (protocol == "icmpv4" || protocol == "icmpv6") {
    out.protocol = protocol == "icmpv4" ? "1" : "58";
  } else if (protocol != "any") {
    out.protocol = protocol;
  }
  const bool known = out.protocol.empty() || out.protocol == "tcp" || out.protocol == "udp" ||
                     (out.protocol.size() < 4 && out.protocol.find_first_not_of("0123456789") == std::string::npos);
  if (!known) out.why = "the protocol " + quoted(ports->second.protocol) + " is not known";
  out.take(ports->second.local, out.local_ports, true);
  out.take(ports->second.remote, out.remote_ports, true);
  return out;
}

const WindowsSet* find_set(const std::map<std::string, WindowsSet>& sets, const std::string& id,
                           std::string_view fallback) {
  for (const auto& [key, set] : sets)
    if (lower(key) == lower(id.empty() ? std::string(fallback) : id)) return &set;
  return nullptr;
}

std::string cipher_word(const std::string& name) {
  if (name == "des3") return "3des";
  if (name == "aesgcm128" || name == "aesgcm192" || name == "aesgcm256") return "aes" + name.substr(6) + "gcm16";
  if (name == "aes128" || name == "aes192" || name == "aes256") return name;
  return {};
}
std::string hash_word(const std::string& name) {
  return name == "sha1" || name == "sha256" || name == "sha384" ? name : std::string();
}
std::string group_word(const std::string& name) {
  const size_t digits = name.find_first_of("0123456789");
  const std::string number = digits == std::string::npos ? std::string() : name.substr(digits);
  return number == "14" ? "modp2048" : number == "19" ? "ecp256" : number == "20" ? "ecp384" : "";
}

class Import {
 public:
  Import(const WindowsObjects& all, const WindowsImport& options) : all_(all), options_(options) {}

  WindowsRules run() {
    for (const WindowsRule& rule : all_.rules) {
      if (!rule.enabled) {
        out_.notes.push_back("rule " + quoted(rule.name) + " is disabled and left out");
        continue;
      }
      const std::string why = take(rule);
      if (why.empty()) {
        ++out_.rules;
      } else {
        out_.problems.push_back("rule " + quoted(rule.name) + ": " + why);
        filters_ += "# LEFT OUT: " + printable_line(rule.name) + ": " + printable_line(why) + "\n\n";
      }
    }
    out_.toml = "# Made from the IPsec rules of a Windows host.\n\n" + modes_ + filters_ + connections_;
    for (const std::string& file : files_) out_.notes.push_back(file);
    return std::move(out_);
  }

 private:
  static std::string printable_line(std::string_view text) {
    std::string out(text);
    for (char& c : out)
      if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
    return out;
  }

  std::string take(const WindowsRule& rule) {
    const Conditions conditions = conditions_of(rule, all_);
    if (!conditions.why.empty()) return conditions.why;
    if (rule.in == Security::none && rule.out == Security::none) {
      exempt(rule, conditions);
      return {};
    }
    std::string auth, why = auth_of(rule, auth);
    if (!why.empty()) return why;
    note_module(rule);
    return rule.tunnel ? tunnel(rule, conditions, auth) : transport(rule, conditions, auth);
  }

  void note_module(const WindowsRule& rule) {
    const std::string module = folded(rule.key_module);
    if (module == "ikev2" || module == "4") return;
    out_.notes.push_back("rule " + quoted(rule.name) +
                         " does not ask for IKEv2: set -KeyModule IKEv2 at the Windows hosts that shall meet this one");
  }

  // The auth line; the sentence why there is none.
  std::string auth_of(const WindowsRule& rule, std::string& line) {
    std::string method = options_.auth == WindowsImport::Auth::psk    ? "presharedkey"
                         : options_.auth == WindowsImport::Auth::cert ? "cert"
                                                                      : "";
    std::string authority;
    if (method.empty()) {
      const WindowsSet* set = find_set(all_.auth_sets, rule.auth_set, "");
      if (set == nullptr || set->proposals.empty())
        return "its first authentication set is not in the document (Get-NetIPsecPhase1AuthSet); --auth psk or --auth "
               "cert says what takes its place";
      std::string others;
      for (const WindowsProposal& proposal : set->proposals) {
        if (proposal.auth == "presharedkey" || proposal.auth == "cert") {
          method = proposal.auth;
          authority = proposal.authority;
          break;
        }
        others += (others.empty() ? "" : ", ") + proposal.auth;
      }
      if (method.empty())
        return "it authenticates by " + others +
               ", which IKEv2 here cannot; --auth psk or --auth cert says what takes " + "its place";
    }
    if (!rule.second_auth_set.empty() && find_set(all_.auth_sets, rule.second_auth_set, "") != nullptr)
      out_.notes.push_back("rule " + quoted(rule.name) + ": the second authentication (of the user) is left out");
    if (method == "presharedkey") {
      line = "{ method = \"psk\", secret = \"windows.psk\" }";
      files_.insert("write the pre-shared key into windows.psk beside the configuration, mode 0600");
    } else {
      line = "{ method = \"cert\", certificate = \"windows.pem\", key = \"windows.key\", ca = [\"windows-ca.pem\"] }";
      files_.insert("windows.pem, windows.key (mode 0600) and windows-ca.pem are to be put beside the configuration" +
                    (authority.empty() ? std::string() : "; the certification authority is " + quoted(authority)));
    }
    return {};
  }

  std::string lifetime(unsigned minutes) const {
    return minutes == 0 ? std::string() : "lifetime = \"" + std::to_string(minutes) + "m\"\n";
  }

  std::string ike_line() {
    const WindowsSet* set = find_set(all_.main_sets, "", kDefaultMainSet);
    if (set == nullptr && all_.main_sets.size() == 1) set = &all_.main_sets.begin()->second;
    std::vector<std::string> words;
    if (set != nullptr) {
      for (const WindowsProposal& proposal : set->proposals) {
        const std::string cipher = cipher_word(proposal.cipher), hash = hash_word(proposal.hash),
                          group = group_word(proposal.group);
        if (cipher.empty() || hash.empty() || group.empty()) {
          files_.insert("the main mode proposal " + proposal.cipher + ", " + proposal.hash + ", " + proposal.group +
                        " is too weak or unknown here and left out");
          continue;
        }
        words.push_back(cipher + (cipher.ends_with("gcm16") ? "-prf" : "-") + hash + "-" + group);
      }
    }
    return words.empty() ? std::string() : "ike = " + listed(words) + "\n" + lifetime(set->minutes);
  }

  // The esp or ah line of a quick mode set; empty: the defaults stand.
  std::string child_line(const WindowsRule& rule) {
    const WindowsSet* set = find_set(all_.quick_sets, rule.quick_set, kDefaultQuickSet);
    if (set == nullptr) return {};
    const std::string group = group_word(set->group);
    std::vector<std::string> esp, ah;
    unsigned minutes = 0;
    for (const WindowsProposal& proposal : set->proposals) {
      const std::string tail = group.empty() ? "" : "-" + group;
      const bool aead = proposal.cipher.starts_with("aesgcm");
      const std::string cipher =
          proposal.cipher == "none" || proposal.cipher.empty() ? "null" : cipher_word(proposal.cipher);
      const std::string hash = hash_word(proposal.hash);
      if (proposal.encapsulation == "ah" && !hash_word(proposal.ah_hash).empty()) {
        ah.push_back(hash_word(proposal.ah_hash) + tail);
      } else if (proposal.encapsulation == "esp" && !cipher.empty() && (aead || !hash.empty())) {
        esp.push_back(cipher + (aead ? "" : "-" + hash) + tail);
      } else {
        files_.insert("the quick mode proposal " + proposal.encapsulation + ", " + proposal.cipher + ", " +
                      proposal.hash + " cannot be said here and is left out");
        continue;
      }
      if (minutes == 0) minutes = proposal.minutes;
    }
    if (esp.empty() && ah.empty()) return {};
    if (!esp.empty() && !ah.empty()) files_.insert("AH proposals beside those of ESP are left out");
    return (esp.empty() ? "ah = " + listed(ah) : "esp = " + listed(esp)) + "\n" + lifetime(minutes);
  }

  // A section that several rules may share: the same text has the same name.
  std::string shared(const char* kind, const std::string& body) {
    const auto [at, fresh] = sections_.try_emplace(std::string(kind) + "\n" + body, "windows");
    if (fresh) {
      unsigned& count = counts_[kind];
      if (++count > 1) at->second += "-" + std::to_string(count);
      modes_ += "[" + std::string(kind) + "." + at->second + "]\n" + body + "\n";
    }
    return at->second;
  }

  void filter(const WindowsRule& rule, const char* layer, const std::string& action, const std::string& more,
              const std::string& conditions) {
    filters_ +=
        "[[filter]]\nname = " + quoted(rule.name) + "\nlayer = \"" + layer + "\"\naction = \"" + action + "\"\n" + more;
    if (!conditions.empty()) filters_ += "condition = { " + conditions.substr(2) + " }\n";
    filters_ += "\n";
  }

  void exempt(const WindowsRule& rule, const Conditions& conditions) {
    for (const char* layer : {"OUTBOUND_TRANSPORT", "INBOUND_TRANSPORT", "ALE_AUTH_RECV_ACCEPT"})
      filter(rule, layer, "PERMIT", "weight = 12\n", conditions.flows());
  }

  std::string transport(const WindowsRule& rule, const Conditions& conditions, const std::string& auth) {
    const std::string main_mode = shared("main_mode", "auth = " + auth + "\n" + ike_line());
    const bool discovers = rule.out == Security::request;
    std::string flags;
    if (discovers || rule.in == Security::request)
      flags = std::string("flags = [\"") + (rule.in == Security::require ? "ND_SECURE" : "ND_BOUNDARY") + "\"]\n";
    const std::string quick_mode = shared("quick_mode", child_line(rule) + flags);
    const std::string unicast = ", IP_LOCAL_ADDRESS_TYPE = \"unicast\"" + conditions.flows();
    filter(rule, "IKEEXT", "PERMIT", "context = " + quoted(main_mode) + "\n", conditions.addresses());
    filter(rule, "IPSEC", "PERMIT", "context = " + quoted(quick_mode) + "\n", conditions.flows());
    filter(rule, "OUTBOUND_TRANSPORT", "IPSEC_OUTBOUND_TRANSPORT",
           discovers                    ? "raw_context = [\"NEGOTIATE_DISCOVER\"]\n"
           : rule.out == Security::none ? "raw_context = [\"SUPPRESS_NEGOTIATION\"]\n"
                                        : "",
           unicast);
    if (rule.in == Security::none) return {};
    const bool stays = rule.in == Security::request || discovers;
    filter(rule, "INBOUND_TRANSPORT", "IPSEC_INBOUND_TRANSPORT",
           stays ? "raw_context = [\"PERSIST_CONNECTION_SECURITY\"]\n" : "", unicast);
    if (rule.in == Security::require && stays)
      filter(rule, "ALE_AUTH_RECV_ACCEPT", "IPSEC_INBOUND_INITIATE_SECURE", "", unicast);
    return {};
  }

  std::string tunnel(const WindowsRule& rule, const Conditions& conditions, const std::string& auth) {
    if (any(rule.remote_ends) || rule.remote_ends.size() != 1 || !IpAddr::parse(rule.remote_ends.front()))
      return "a tunnel rule needs one remote endpoint that is an address";
    if (!conditions.protocol.empty() || !conditions.local_ports.empty() || !conditions.remote_ports.empty())
      return "a tunnel rule for single protocols or ports";
    if (conditions.local.empty() || conditions.remote.empty()) return "a tunnel rule needs addresses on both sides";
    const std::string name = "windows-" + std::to_string(++tunnels_);
    // As Windows does, any certificate of that authority will do.
    connections_ += "# " + printable_line(rule.name) + "\n[connection." + name + "]\nlocal = { ";
    const bool known = !any(rule.local_ends) && IpAddr::parse(rule.local_ends.front());
    if (known) connections_ += "address = " + quoted(rule.local_ends.front());
    connections_ += std::string(known ? " " : "") + "}\nremote = { address = " + quoted(rule.remote_ends.front()) +
                    (auth.find("\"cert\"") != std::string::npos ? ", id = \"any\"" : "") + " }\nauth = " + auth + "\n" +
                    ike_only() + "\n[connection." + name + ".child.net]\nlocal = " + listed(conditions.local) +
                    "\nremote = " + listed(conditions.remote) + "\n" + esp_only(rule) + "start = \"route\"\n\n";
    return {};
  }
  // In a connection lifetimes have names of their own; its defaults stand.
  std::string ike_only() { return first_line(ike_line()); }
  std::string esp_only(const WindowsRule& rule) { return first_line(child_line(rule)); }
  static std::string first_line(const std::string& text) { return text.substr(0, text.find('\n') + 1); }

  const WindowsObjects& all_;
  WindowsImport options_;
  WindowsRules out_;
  std::string modes_, filters_, connections_;
  std::map<std::string, std::string> sections_;  // kind and body to name
  std::map<std::string, unsigned> counts_;
  std::set<std::string> files_;  // notes that are told once
  unsigned tunnels_ = 0;
};

}  // namespace

WindowsRules import_windows(std::string_view document, const WindowsImport& options) {
  WindowsRules out;
  std::string why;
  const auto objects = read_windows_objects(document, why);
  if (!objects) {
    out.problems.push_back(why);
    return out;
  }
  if (objects->rules.empty()) {
    out.problems.push_back("there is no IPsec rule in the document (Get-NetIPsecRule)");
    return out;
  }
  return Import(*objects, options).run();
}

}  // namespace sallyport::cli
