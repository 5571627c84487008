// [main_mode.NAME], [quick_mode.NAME] and [[filter]]: the filter engine's policy.
#include <algorithm>
#include <charconv>
#include <set>

#include "config/filter_parts.h"

namespace sallyport::config {

namespace {

using model::EncrId;
using model::GroupId;
using model::IntegId;
using model::PrfId;
using model::TransformType;

constexpr std::string_view kKmAuthorization = "KM_AUTHORIZATION";  // of both families
// Layers by their names without family, and callouts with the layer they belong to.
constexpr std::string_view kKmDemux = "IPSEC_KM_DEMUX";
constexpr std::string_view kLayers[] = {
    "IKEEXT", "IPSEC",         "OUTBOUND_TRANSPORT", "INBOUND_TRANSPORT", "ALE_AUTH_CONNECT", "ALE_AUTH_RECV_ACCEPT",
    kKmDemux, kKmAuthorization};
constexpr std::string_view kKeyModules[] = {
#define SP_FWP_KEYING_MODULE(name, guid) #name,
#include "proto/wfp.def"
};
struct CalloutName {
  std::string_view name, layer;
};
constexpr CalloutName kCallouts[] = {{"IPSEC_OUTBOUND_TRANSPORT", "OUTBOUND_TRANSPORT"},
                                     {"IPSEC_INBOUND_TRANSPORT", "INBOUND_TRANSPORT"},
                                     {"IPSEC_ALE_CONNECT", "ALE_AUTH_CONNECT"},
                                     {"IPSEC_INBOUND_INITIATE_SECURE", "ALE_AUTH_RECV_ACCEPT"}};
constexpr std::string_view kSublayers[] = {
#define SP_FWP_SUBLAYER(name, guid, weight) #name,
#include "proto/wfp.def"
};

// No name that a file can give.
constexpr const char* kSecureSocketName = "secure sockets";

// FWPM_CONTEXT_IPSEC_OUTBOUND_…, FWPM_CONTEXT_IPSEC_INBOUND_…, FWPM_CONTEXT_ALE_….
constexpr Bit kOutboundBits[] = {{"NEGOTIATE_DISCOVER", 0x1}, {"SUPPRESS_NEGOTIATION", 0x2}};
constexpr Bit kInboundBits[] = {{"PASSTHRU", 0x1}, {"PERSIST_CONNECTION_SECURITY", 0x2}};
constexpr Bit kConnectBits[] = {{"REQUIRE_IPSEC_SECURITY", 0x2}, {"REQUIRE_IPSEC_ENCRYPTION", 0x8}};
constexpr Bit kAcceptBits[] = {{"REQUIRE_IPSEC_ENCRYPTION", 0x8}, {"ALLOW_FIRST_INBOUND_PKT_UNENCRYPTED", 0x10}};
constexpr Bit kPolicyBits[] = {{"ND_SECURE", 0x2}, {"ND_BOUNDARY", 0x4}, {"KEY_MANAGER_ALLOW_NOTIFY_KEY", 0x4000}};

template <size_t N>
std::vector<std::string_view> words_of(const std::string_view (&names)[N]) {
  return {std::begin(names), std::end(names)};
}

// What IKEEXT_PROPOSAL0 and IPSEC_PROPOSAL0 can say: one algorithm of each kind, out of few.
bool sayable(const model::Proposal& proposal) {
  const auto one_of = [&](TransformType type, std::initializer_list<uint16_t> ids, bool may_lack) {
    size_t count = 0;
    bool good = true;
    for (const model::Transform& t : proposal.transforms) {
      if (t.type != type) continue;
      ++count;
      good = good && std::find(ids.begin(), ids.end(), t.id) != ids.end();
    }
    return good && (count == 1 || (count == 0 && may_lack));
  };
  const auto n = [](auto id) { return static_cast<uint16_t>(id); };
  const bool ike = proposal.protocol == model::Protocol::IKE;
  const bool ah = proposal.protocol == model::Protocol::AH;
  if (!one_of(TransformType::KE, {n(GroupId::MODP_2048), n(GroupId::ECP_256), n(GroupId::ECP_384)}, !ike)) return false;
  if (ike) {
    return one_of(TransformType::ENCR, {n(EncrId::DES3), n(EncrId::AES_CBC), n(EncrId::AES_GCM_16)}, false) &&
           one_of(TransformType::PRF, {n(PrfId::HMAC_SHA1), n(PrfId::HMAC_SHA2_256), n(PrfId::HMAC_SHA2_384)}, false) &&
           one_of(TransformType::INTEG,
                  {n(IntegId::HMAC_SHA1_96), n(IntegId::HMAC_SHA2_256_128), n(IntegId::HMAC_SHA2_384_192)}, true);
  }
  const bool integrity = one_of(TransformType::INTEG, {n(IntegId::HMAC_SHA1_96), n(IntegId::HMAC_SHA2_256_128)}, !ah);
  if (ah) return integrity;
  return integrity && one_of(TransformType::ENCR,
                             {n(EncrId::NULL_ENCR), n(EncrId::DES3), n(EncrId::AES_CBC), n(EncrId::AES_GCM_16)}, false);
}

bool read_sayable(Section& section, std::string_view key, model::Protocol protocol, model::Proposals& out) {
  if (!read_proposals(section, key, protocol, out)) return false;
  for (const model::Proposal& proposal : out) {
    if (sayable(proposal)) continue;
    section.refuse(key,
                   "\"" + model::to_string(proposal) +
                       "\" cannot be said in this policy: a proposal names one algorithm of each kind, out of 3des, "
                       "aes128, aes192, aes256, aes128gcm16, aes256gcm16, null; sha1, sha256 (IKE: sha384); modp2048, "
                       "ecp256, ecp384.");
    return false;
  }
  return true;
}

void use_default(model::Protocol protocol, std::initializer_list<std::string_view> texts, model::Proposals& out) {
  for (const std::string_view text : texts) {
    auto proposal = model::parse_proposal(protocol, text);
    if (!proposal) continue;
    proposal->number = static_cast<uint8_t>(out.size() + 1);
    out.push_back(std::move(*proposal));
  }
}

// ---- conditions

void read_ranges(Section& section, std::string_view key, FilterSettings& filter, std::vector<AddressRange>& out) {
  std::vector<std::string> texts;
  if (!section.read_list(key, texts)) return;
  bool v4 = false, v6 = false;
  for (const std::string& text : texts) {
    const auto selector = model::parse_selector(text);
    if (!selector || selector->protocol != 0 || !selector->any_port()) {
      section.refuse(key, "\"" + text + "\" is no address, prefix or range of addresses.");
      return;
    }
    (selector->family() == Family::v4 ? v4 : v6) = true;
    out.push_back({selector->first, selector->last});
  }
  // Addresses of one family leave the filter out of the other.
  filter.v4 = filter.v4 && v4;
  filter.v6 = filter.v6 && v6;
}

bool parse_number(std::string_view text, uint32_t most, uint32_t& out) {
  const char* end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data(), end, out);
  return error == std::errc() && at == end && !text.empty() && out <= most;
}

// A number, "1000-2000", or a list of such texts.
void read_ports(Section& section, std::string_view key, std::vector<PortRange>& out) {
  const Node* node = section.find(key);
  if (node == nullptr) return;
  std::vector<std::string> texts;
  if (node->kind == Node::Kind::integer) {
    texts.push_back(std::to_string(node->integer));
  } else if (node->kind == Node::Kind::array &&
             std::all_of(node->items.begin(), node->items.end(),
                         [](const Node& item) { return item.kind == Node::Kind::integer; })) {
    for (const Node& item : node->items) texts.push_back(std::to_string(item.integer));
  } else if (!section.read_list(key, texts)) {
    return;
  }
  for (const std::string& text : texts) {
    const size_t dash = text.find('-');
    uint32_t first = 0, last = 0;
    const bool good = dash == std::string::npos
                          ? parse_number(text, 65535, first) && parse_number(text, 65535, last)
                          : parse_number(std::string_view(text).substr(0, dash), 65535, first) &&
                                parse_number(std::string_view(text).substr(dash + 1), 65535, last);
    if (!good || first > last) {
      section.refuse(key, "\"" + text + "\" is no port; write 443 or \"1000-2000\".");
      return;
    }
    out.push_back({static_cast<uint16_t>(first), static_cast<uint16_t>(last)});
  }
}

void read_protocols(Section& section, FilterSettings& out) {
  std::vector<std::string> texts;
  const Node* node = section.find("IP_PROTOCOL");
  if (node == nullptr) return;
  if (node->kind == Node::Kind::integer) {
    texts.push_back(std::to_string(node->integer));
  } else if (!section.read_list("IP_PROTOCOL", texts)) {
    return;
  }
  for (const std::string& text : texts) {
    uint32_t number = 0;
    if (text == "icmp") {
      out.icmp = true;
    } else if (text == "tcp" || text == "udp") {
      out.protocols.push_back(text == "tcp" ? 6 : 17);
    } else if (parse_number(text, 255, number)) {
      out.protocols.push_back(static_cast<uint8_t>(number));
    } else {
      section.refuse("IP_PROTOCOL", "\"" + text +
                                        "\" is no protocol; write \"tcp\", \"udp\", \"icmp\" (of the filter's own IP "
                                        "version) or a number.");
      return;
    }
  }
}

void read_identities(Section& section, std::string_view key, std::vector<std::string>& out) {
  if (!section.read_list(key, out)) return;
  for (const std::string& text : out) {
    if (!model::Identity::parse(text)) section.refuse(key, "\"" + text + "\" is no identity.");
  }
}

// Of a peer that has authenticated, and of nothing else.
void read_peer_conditions(Section& section, FilterSettings& out) {
  std::string word;
  read_identities(section, "REMOTE_ID", out.remote_machines);
  if (section.read_word("AUTHENTICATION_TYPE", word, {"psk", "cert"}))
    out.authentication = word == "psk" ? model::AuthPolicy::Kind::psk : model::AuthPolicy::Kind::cert;
  section.finish();
}

void read_layer(Section& section, FilterSettings& out) {
  std::string text;
  if (!section.read("layer", text)) {
    if (section.node().find("layer") == nullptr) section.refuse("", "lacks \"layer\".");
    return;
  }
  std::string name = text;
  if (name.ends_with("_V4")) out.v6 = false;
  if (name.ends_with("_V6")) out.v4 = false;
  if (!out.v4 || !out.v6) name.resize(name.size() - 3);
  if (std::find(std::begin(kLayers), std::end(kLayers), name) == std::end(kLayers)) {
    section.refuse("layer", "\"" + text + "\" is not known here" + suggestion(name, words_of(kLayers)));
    return;
  }
  if (name == kKmAuthorization && name != text) {
    section.refuse("layer", "\"" + text + "\": there is one such layer for both IP versions.");
    return;
  }
  out.layer = name;
}

// What the policy of a filter at IPSEC_KM_DEMUX says; nowhere else has it a meaning.
void read_key_modules(Section& section, FilterSettings& out) {
  const bool here = out.layer == kKmDemux;
  if (!here) {
    for (const char* key : {"key_modules", "terminating"})
      if (section.has(key)) section.refuse(key, "belongs to filters at IPSEC_KM_DEMUX.");
    return;
  }
  section.read("terminating", out.terminating_match);
  if (!section.read_list("key_modules", out.key_modules)) {
    if (section.node().find("key_modules") == nullptr)
      section.refuse("", "lacks \"key_modules\": which keying modules may be tried.");
    return;
  }
  std::set<std::string> seen;
  for (const std::string& name : out.key_modules) {
    if (std::find(std::begin(kKeyModules), std::end(kKeyModules), name) == std::end(kKeyModules))
      return section.refuse("key_modules",
                            "\"" + name + "\" is not known here" + suggestion(name, words_of(kKeyModules)));
    if (!seen.insert(name).second) return section.refuse("key_modules", "names \"" + name + "\" twice.");
  }
}

void read_action(Section& section, FilterSettings& out) {
  std::vector<std::string_view> words = {"PERMIT", "BLOCK"};
  const bool keying = out.layer == "IKEEXT" || out.layer == "IPSEC";
  if (keying || out.layer == kKmDemux) words.pop_back();
  for (const CalloutName& callout : kCallouts)
    if (callout.layer == out.layer) words.push_back(callout.name);
  section.read_word("action", out.action, words);
  std::span<const Bit> bits;
  if (out.action == "IPSEC_OUTBOUND_TRANSPORT") bits = kOutboundBits;
  if (out.action == "IPSEC_INBOUND_TRANSPORT") bits = kInboundBits;
  if (out.action == "IPSEC_ALE_CONNECT") bits = kConnectBits;
  if (out.action == "IPSEC_INBOUND_INITIATE_SECURE") bits = kAcceptBits;
  read_bits(section, "raw_context", bits, out.raw_context);
  if (section.read("context", out.context) && !keying)
    section.refuse("context", "belongs to filters at IKEEXT (main_mode) and IPSEC (quick_mode).");
  if (keying && out.context.empty() && section.node().find("context") == nullptr)
    section.refuse(
        "", std::string("lacks \"context\": the name of a ") + (out.layer == "IKEEXT" ? "main_mode." : "quick_mode."));
}

// As the kernel tells of what runs: absolute, and nothing of it is a symbolic link.
void read_programs(Section& section, FilterSettings& out) {
  if (!section.read_list("program", out.programs)) return;
  for (const std::string& path : out.programs) {
    const std::string whole = path + "/";
    const bool plain = path.starts_with("/") && path.size() > 1 && whole.find("//") == std::string::npos &&
                       whole.find("/./") == std::string::npos && whole.find("/../") == std::string::npos;
    if (!plain)
      return section.refuse("program", "\"" + path +
                                           "\" is no absolute path of a program, without \".\", \"..\" and a "
                                           "slash at its end.");
  }
}

}  // namespace

bool read_bits(Section& section, std::string_view key, std::span<const Bit> bits, uint64_t& out) {
  std::vector<std::string> texts;
  if (!section.read_list(key, texts)) return false;
  std::vector<std::string_view> words;
  for (const Bit& bit : bits) words.push_back(bit.name);
  for (const std::string& text : texts) {
    const auto at = std::find_if(bits.begin(), bits.end(), [&](const Bit& b) { return b.name == text; });
    if (at == bits.end()) {
      section.refuse(key, bits.empty() ? "has no meaning with this action."
                                       : "\"" + text + "\" is not known here" + suggestion(text, words));
      return false;
    }
    out |= at->value;
  }
  return true;
}

void read_seconds(Section& section, std::string_view key, Duration least, Duration most, uint32_t& out) {
  Duration time{};
  if (section.read_duration(key, time, least, most, false))
    out = static_cast<uint32_t>(std::chrono::duration_cast<seconds>(time).count());
}

void read_conditions(Section section, FilterSettings& out) {
  if (out.layer == kKmAuthorization) return read_peer_conditions(section, out);
  const bool flows = out.layer != "IKEEXT" && out.layer != kKmDemux;
  const bool packets = flows && out.layer != "IPSEC";
  read_ranges(section, "IP_LOCAL_ADDRESS", out, out.local);
  read_ranges(section, "IP_REMOTE_ADDRESS", out, out.remote);
  if (flows) {
    read_ports(section, "IP_LOCAL_PORT", out.local_ports);
    read_ports(section, "IP_REMOTE_PORT", out.remote_ports);
    read_protocols(section, out);
  }
  std::string word;
  if (packets && section.read_word("IP_LOCAL_ADDRESS_TYPE", word, {"unicast"})) out.unicast = true;
  if (out.layer.starts_with("ALE_")) {
    read_identities(section, "ALE_REMOTE_MACHINE_ID", out.remote_machines);
    read_identities(section, "ALE_REMOTE_USER_ID", out.remote_users);
    read_programs(section, out);
    if (section.read_list("user", out.users)) {
      out.file = section.reading().file;
      out.line = section.line_of("user");
    }
  }
  section.finish();
  if (!out.v4 && !out.v6) section.refuse("", "addresses of both IP versions in different conditions match nothing.");
}

void read_quick_mode_proposals(Section& section, bool both, model::Proposals& out) {
  const bool ah = section.node().find("ah") != nullptr;
  const bool esp = section.node().find("esp") != nullptr;
  if (esp && ah && !both) section.refuse("ah", "stands beside esp: a tunnel is for one of them.");
  if (!esp && !ah) return use_default(model::Protocol::ESP, {"aes128gcm16", "aes256-sha256"}, out);
  if (ah) (void)read_sayable(section, "ah", model::Protocol::AH, out);
  model::Proposals behind;
  if (esp && read_sayable(section, "esp", model::Protocol::ESP, behind))
    out.insert(out.end(), std::make_move_iterator(behind.begin()), std::make_move_iterator(behind.end()));
  for (size_t i = 0; i < out.size(); ++i) out[i].number = static_cast<uint8_t>(i + 1);
}

void read_main_mode(Section& section, const std::string& name, Settings& settings) {
  MainModeSettings out;
  out.name = name;
  out.key = key_of_name("main_mode/" + name);
  out.auth = read_shared_auth(section, out.key + "/0", settings, out.secret_file);
  if (!read_sayable(section, "ike", model::Protocol::IKE, out.proposals) && section.node().find("ike") == nullptr)
    use_default(model::Protocol::IKE, {"aes128gcm16-prfsha256-ecp256", "aes256-sha256-prfsha256-ecp256"},
                out.proposals);
  read_seconds(section, "lifetime", seconds(60), hours(24 * 30), out.lifetime_seconds);
  section.finish();
  settings.filters.main_modes.push_back(std::move(out));
}

void read_quick_mode(Section& section, const std::string& name, Settings& settings) {
  QuickModeSettings out;
  out.name = name;
  out.key = key_of_name("quick_mode/" + name);
  read_quick_mode_proposals(section, true, out.proposals);
  uint64_t flags = 0;
  if (read_bits(section, "flags", kPolicyBits, flags)) out.flags = static_cast<uint32_t>(flags);
  read_seconds(section, "lifetime", seconds(60), hours(24 * 7), out.lifetime_seconds);
  read_seconds(section, "clear_timeout", seconds(1), hours(1), out.clear_timeout_seconds);
  read_seconds(section, "idle_timeout", seconds(1), hours(24 * 7), out.idle_timeout_seconds);
  out.user = read_policy_user(section, out.key + "/0", settings);
  section.finish();
  settings.filters.quick_modes.push_back(std::move(out));
}

void read_filter(Section& section, Settings& settings) {
  FilterSettings out;
  if (!section.read("name", out.name) && section.node().find("name") == nullptr)
    section.refuse("", "lacks \"name\": what a listing calls it.");
  if (out.name.size() > 256) section.refuse("name", "is longer than 256 octets.");
  read_layer(section, out);
  if (out.layer.empty()) return;  // nothing else can be judged
  read_action(section, out);
  read_key_modules(section, out);
  std::string word;
  if (section.read_word("sublayer", word, words_of(kSublayers))) out.sublayer = word;
  uint8_t weight = 0;
  if (section.read_number("weight", weight, 0, 15)) out.weight_range = weight;
  section.read("hard", out.hard);
  if (const Node* node = section.find("condition"))
    read_conditions(Section(*node, section.path_of("condition"), section.reading(), section.line_of("condition")), out);
  section.finish();
  settings.filters.filters.push_back(std::move(out));
}

void read_secure_sockets(Section& section, Settings& settings) {
  if (settings.secure_sockets.enabled) return section.refuse("", "stands in another file already.");
  SecureSocketSettings& out = settings.secure_sockets;
  out.enabled = true;
  section.read_path("socket", out.socket);
  if (out.socket.size() > 107) section.refuse("socket", "is too long for a socket: at most 107 octets.");
  section.read_path("account_map", out.account_map);
  section.read_list("identify_only", out.identify_only);
  read_socket_callers(section, out.callers);
  section.read_number("per_user", out.per_user, 1, 1000000);
  section.read_duration("keep_warm", out.keep_warm, Duration::zero(), hours(24), true);
  MainModeSettings main_mode;
  main_mode.name = kSecureSocketName;
  main_mode.key = kSecureSocketMainMode;
  main_mode.auth = read_shared_auth(section, main_mode.key + "/0", settings, main_mode.secret_file);
  if (!read_sayable(section, "ike", model::Protocol::IKE, main_mode.proposals))
    use_default(model::Protocol::IKE, {"aes128gcm16-prfsha256-ecp256", "aes256-sha256-prfsha256-ecp256"},
                main_mode.proposals);
  QuickModeSettings quick_mode;
  quick_mode.name = kSecureSocketName;
  quick_mode.key = kSecureSocketQuickMode;
  if (!read_sayable(section, "esp", model::Protocol::ESP, quick_mode.proposals))
    use_default(model::Protocol::ESP, {"aes128gcm16", "aes256-sha256"}, quick_mode.proposals);
  uint32_t lifetime = quick_mode.lifetime_seconds;
  read_seconds(section, "lifetime", seconds(60), hours(24 * 7), lifetime);
  quick_mode.lifetime_seconds = lifetime;
  quick_mode.user = read_policy_user(section, quick_mode.key + "/0", settings);
  QuickModeSettings encrypted = quick_mode;
  encrypted.name = std::string(kSecureSocketName) + ", encrypted";
  encrypted.key = kSecureSocketEncrypted;
  repeat_policy_user(quick_mode.key + "/0", encrypted.key + "/0", settings);
  std::erase_if(encrypted.proposals, [](const model::Proposal& proposal) {
    return std::none_of(proposal.transforms.begin(), proposal.transforms.end(), [](const model::Transform& t) {
      return t.type == TransformType::ENCR && t.id != static_cast<uint16_t>(EncrId::NULL_ENCR);
    });
  });
  section.finish();
  settings.filters.main_modes.push_back(std::move(main_mode));
  settings.filters.quick_modes.push_back(std::move(quick_mode));
  if (!encrypted.proposals.empty()) settings.filters.quick_modes.push_back(std::move(encrypted));
}

void finish_secure_sockets(Settings& settings) {
  if (!settings.secure_sockets.enabled) return;
  FilterSettings filter;
  filter.name = kSecureSocketName;
  filter.layer = "IKEEXT";
  filter.sublayer = "SECURE_SOCKET";
  filter.context = kSecureSocketName;
  settings.filters.filters.push_back(std::move(filter));
}

std::string key_of_name(std::string_view name) {
  // FNV-1a twice, from two starts; bits of version 8 and of the variant are set.
  uint64_t hash[2] = {14695981039346656037u, 0x5361796c6c706f72u};
  for (uint64_t& h : hash)
    for (const char c : name) h = (h ^ static_cast<uint8_t>(c)) * 1099511628211u;
  uint8_t octets[16];
  store_be64(octets, hash[0]);
  store_be64(octets + 8, hash[1]);
  octets[6] = static_cast<uint8_t>((octets[6] & 0x0f) | 0x80);
  octets[8] = static_cast<uint8_t>((octets[8] & 0x3f) | 0x80);
  constexpr char kDigits[] = "0123456789abcdef";
  std::string out;
  for (size_t i = 0; i < 16; ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) out += '-';
    out += kDigits[octets[i] >> 4];
    out += kDigits[octets[i] & 15];
  }
  return out;
}

}  // namespace sallyport::config
