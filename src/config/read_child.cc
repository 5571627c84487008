// [connection.NAME.child.CHILD], and proposals.
#include "config/read_parts.h"

namespace sallyport::config {

namespace {

constexpr std::string_view kMissing[] = {"", "an encryption algorithm", "a prf (prfsha256, …)",
                                         "an integrity algorithm (sha256, …)", "a key exchange group (x25519, …)"};

std::string explain_proposal(const std::string& text, const Error& error) {
  const std::string quoted = "\"" + text + "\"";
  if (error.code == Errc::bad_value) {
    const size_t at = std::min<size_t>(error.detail, text.size());
    const std::string word = text.substr(at, text.find('-', at) - at);
    for (std::string_view known : model::proposal_words()) {
      if (known == word) return quoted + " says " + word + " twice.";
    }
    const auto near = nearest(word, model::proposal_words());
    return "\"" + word + "\" in " + quoted + " is no algorithm" +
           (near ? "; did you mean \"" + std::string(*near) + "\"?" : "; docs/configuration.md lists the words.");
  }
  if (error.code == Errc::missing_payload && error.detail >= 1 && error.detail <= 4) {
    return quoted + " lacks " + std::string(kMissing[error.detail]) + ".";
  }
  return quoted +
         " mixes what cannot be in one proposal: ciphers with built-in integrity (gcm, ccm, chacha20poly1305) stand "
         "alone, the others with sha…; prf words belong to ike, esn words to esp and ah.";
}

// "[tcp/443]" and a missing key mean the connection's own addresses, where those are written as addresses.
bool own_addresses(Section& section, std::string_view key, const std::vector<std::string>& addresses,
                   const std::string& rest, model::Selectors& out) {
  for (const std::string& text : addresses) {
    const auto address = IpAddr::parse(text);
    const auto selector = model::parse_selector(text + rest);
    if (!address) {
      section.refuse(key, "\"" + text + "\" of the connection is a name: write which addresses are meant.");
      return false;
    }
    if (!selector) {
      section.refuse(key, "\"" + rest + "\" is no protocol and port; write it like \"[tcp/443]\" or \"[udp]\".");
      return false;
    }
    out.push_back(*selector);
  }
  if (addresses.empty()) {
    section.refuse(key, "the connection leaves the address open: write which addresses are meant.");
    return false;
  }
  return true;
}

bool one_selector(Section& section, std::string_view key, const std::string& text,
                  const std::vector<std::string>& addresses, model::Selectors& out) {
  if (text.starts_with('[')) return own_addresses(section, key, addresses, text, out);
  const auto selector = model::parse_selector(text);
  if (!selector) {
    section.refuse(key,
                   "\"" + text +
                       "\" is no selector; write it like \"10.1.0.0/24\" (host bits zero), \"10.1.0.5-10.1.0.9\" or "
                       "\"10.1.0.0/24[tcp/443]\".");
    return false;
  }
  out.push_back(*selector);
  return true;
}

void read_selectors(Section& section, std::string_view key, bool may_be_missing,
                    const std::vector<std::string>& addresses, model::Selectors& out) {
  std::vector<std::string> texts;
  if (!section.read_list(key, texts)) {
    if (section.node().find(key) != nullptr) return;
    if (may_be_missing) {
      own_addresses(section, key, addresses, "", out);
    } else {
      section.refuse("", "lacks \"" + std::string(key) + "\": which addresses?");
    }
    return;
  }
  for (const std::string& text : texts) one_selector(section, key, text, addresses, out);
  // RFC 7296 3.13: the number of selectors of a TS payload is one octet.
  if (out.size() > 255) section.refuse(key, "holds more than 255 selectors.");
}

void read_lifetime(Section section, model::Lifetime& out) {
  Duration time{};
  if (section.read_duration("time", time, seconds(1), hours(24 * 365), true)) {
    out.time = time == Duration::zero() ? std::nullopt : std::optional(time);
  }
  section.read_size("bytes", out.bytes);
  section.read_size("packets", out.packets);
  section.finish();
}

// rekey = "1h" or rekey = { time = "1h", bytes = "10GiB", packets = 1000000 }
void read_lifetime_key(Section& section, std::string_view key, model::Lifetime& out) {
  const Node* value = section.find(key);
  if (value == nullptr) return;
  if (value->kind == Node::Kind::string) {
    Duration time{};
    if (section.read_duration(key, time, seconds(1), hours(24 * 365), true)) {
      out.time = time == Duration::zero() ? std::nullopt : std::optional(time);
    }
    return;
  }
  read_lifetime(Section(*value, section.path_of(key), section.reading(), section.line_of(key)), out);
}

uint64_t tenth_more(uint64_t soft) { return soft > UINT64_MAX / 2 ? UINT64_MAX : soft + soft / 10 + 1; }

// A hard limit that is not written is a tenth past the soft one, so that a rekey has time to finish.
model::Lifetime default_hard(const model::Lifetime& soft) {
  model::Lifetime hard;
  if (soft.time) hard.time = *soft.time + std::max<Duration>(*soft.time / 10, seconds(10));
  if (soft.bytes) hard.bytes = tenth_more(*soft.bytes);
  if (soft.packets) hard.packets = tenth_more(*soft.packets);
  return hard;
}

void check_order(Section& section, const model::Lifetime& soft, const model::Lifetime& hard) {
  if ((soft.time && hard.time && *hard.time <= *soft.time) ||
      (soft.bytes && hard.bytes && *hard.bytes <= *soft.bytes) ||
      (soft.packets && hard.packets && *hard.packets <= *soft.packets)) {
    section.refuse("hard", "must lie past rekey: the SA dies at hard, and the rekey needs time before that.");
  }
}

}  // namespace

bool read_proposals(Section& section, std::string_view key, model::Protocol protocol, model::Proposals& out) {
  std::vector<std::string> texts;
  if (!section.read_list(key, texts)) return false;
  model::Proposals proposals;
  if (texts.size() > 255) {
    section.refuse(key, "holds more than 255 proposals.");
    return false;
  }
  for (const std::string& text : texts) {
    auto proposal = model::parse_proposal(protocol, text);
    if (!proposal) {
      section.refuse(key, explain_proposal(text, proposal.error()));
      return false;
    }
    // RFC 7296 3.3.1: numbers count from 1.
    proposal->number = static_cast<uint8_t>(proposals.size() + 1);
    proposals.push_back(std::move(*proposal));
  }
  out = std::move(proposals);
  return true;
}

static void read_mode(Section& section, model::ChildPolicy& out) {
  std::string word;
  section.read_word("mode", word, {"tunnel", "transport"});
  out.mode = word == "transport" ? model::Mode::transport : model::Mode::tunnel;
  if (section.read("accept_tunnel", out.accept_tunnel) && out.mode != model::Mode::transport) {
    section.refuse("accept_tunnel", "has a meaning only with mode = \"transport\".");
  }
}

static void use_default(model::ChildPolicy& out) {
  for (std::string_view text :
       {"aes256gcm16-aes128gcm16-chacha20poly1305-esn-noesn", "aes256-aes128-sha256-sha384-sha512-esn-noesn"}) {
    auto proposal = model::parse_proposal(model::Protocol::ESP, text);
    if (!proposal) continue;
    proposal->number = static_cast<uint8_t>(out.proposals.size() + 1);
    out.proposals.push_back(std::move(*proposal));
  }
}

// esp = […] or ah = […]; neither: ESP with safe algorithms.
static void read_protection(Section& section, const model::ConnectionPolicy& connection, model::ChildPolicy& out) {
  const bool esp = section.has("esp");
  const bool ah = section.has("ah");
  out.protocol = ah ? model::Protocol::AH : model::Protocol::ESP;
  if (esp && ah) {
    section.refuse("ah",
                   "stands beside esp: a child is one SA. For AH around ESP write two children, the ESP one with "
                   "inside = \"the AH one\".");
    return;
  }
  if (!esp && !ah) return use_default(out);
  if (ah && connection.force_encap) section.refuse("ah", "does not travel in UDP, which force_encap asks for.");
  read_proposals(section, ah ? "ah" : "esp", out.protocol, out.proposals);
}

void read_child(Section& section, const model::ConnectionPolicy& connection, model::ChildPolicy& out) {
  read_mode(section, out);
  const bool host_to_host = out.mode == model::Mode::transport;
  read_selectors(section, "local", host_to_host, connection.local_addrs, out.local);
  read_selectors(section, "remote", host_to_host, connection.remote_addrs, out.remote);
  read_protection(section, connection, out);
  std::string word;
  if (section.read_word("start", word, {"up", "route", "none"})) {
    out.start = word == "up"      ? model::ChildPolicy::Start::up
                : word == "route" ? model::ChildPolicy::Start::route
                                  : model::ChildPolicy::Start::none;
  }
  out.rekey.time = hours(1);
  read_lifetime_key(section, "rekey", out.rekey);
  out.hard = default_hard(out.rekey);
  read_lifetime_key(section, "hard", out.hard);
  check_order(section, out.rekey, out.hard);
  Duration idle{};
  if (section.read_duration("idle_timeout", idle, seconds(1), hours(24 * 365), true) && idle != Duration::zero())
    out.hard.idle = idle;
  if (section.read_number("replay_window", out.replay_window, 64, 4096) &&
      (out.replay_window & (out.replay_window - 1)) != 0) {
    section.refuse("replay_window", "must be a power of two between 64 and 4096.");
  }
  read_shape(section, out);
  section.read("inside", out.inside);
  section.read_number("resources", out.resources, 0, 64);
  section.finish();
}

}  // namespace sallyport::config
