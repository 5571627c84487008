// [daemon] and [device].
#include "config/read_parts.h"

namespace sallyport::config {

namespace {

void read_log(Section section, LogSettings& out) {
  std::string level;
  if (section.read_word("level", level, {"error", "warning", "info", "debug", "trace"})) {
    out.level = *log_level_from(level);
  }
  section.read_path("file", out.file);
  section.read("stderr", out.to_stderr);
  section.read_number("rate_limit", out.rate_limit, 1, 100000);
  section.finish();
}

void read_ports(Section section, DaemonSettings& out) {
  section.read_number("ike", out.ike_port, 1, 65535);
  section.read_number("natt", out.natt_port, 1, 65535);
  section.read_number("peer_natt", out.remote_natt_port, 1, 65535);
  if (out.ike_port == out.natt_port) section.refuse("", "ike and natt must be two different ports.");
  section.finish();
}

void read_fail_closed(Section section, FailClosedSettings& out) {
  using Settings = FailClosedSettings;
  std::string word;
  if (section.read_word("enforce", word, {"require", "warn", "off"})) {
    out.enforce = word == "require" ? Settings::Enforce::require
                  : word == "warn"  ? Settings::Enforce::warn
                                    : Settings::Enforce::off;
  }
  if (section.read_word("after_stop", word, {"open", "closed"})) {
    out.after_stop = word == "open" ? Settings::AfterStop::open : Settings::AfterStop::closed;
  }
  if (section.read_word("other_family", word, {"refuse", "leave"})) out.refuse_other_family = word == "refuse";
  section.finish();
}

}  // namespace

void read_daemon(Section& section, DaemonSettings& out) {
  section.read_path("control", out.control_socket);
  // unix(7): a socket's path has at most 107 octets.
  if (out.control_socket.size() > 107) section.refuse("control", "is too long for a socket: at most 107 octets.");
  section.read("control_group", out.control_group);
  section.read_path("key_log", out.key_log);
  if (std::string store; section.read("policy_store", store)) {
    if (store == "none") {
      out.policy_store.clear();
    } else {
      section.read_path("policy_store", out.policy_store);
    }
  }
  section.read("split", out.split);
  section.read("udp_offloads", out.udp_offloads);
  section.read("prefer_udp", out.prefer_udp);
  section.read("user", out.user);
  section.read_number("workers", out.workers, 1, 8);
  if (const Node* ports = section.find("ports")) {
    read_ports(Section(*ports, section.path_of("ports"), section.reading(), section.line_of("ports")), out);
  }
  if (const Node* closed = section.find("fail_closed")) {
    read_fail_closed(
        Section(*closed, section.path_of("fail_closed"), section.reading(), section.line_of("fail_closed")),
        out.fail_closed);
  }
  if (const Node* log = section.find("log")) {
    read_log(Section(*log, section.path_of("log"), section.reading(), section.line_of("log")), out.log);
  }
}

void read_device(Section& section, DeviceSettings& out) {
  std::string type;
  if (section.read_word("type", type, {"tun", "internal"})) {
    out.type = type == "tun" ? DeviceSettings::Type::tun : DeviceSettings::Type::internal;
  }
  // IFNAMSIZ: at most 15 octets; no slash, no white space.
  if (section.read("name", out.name) &&
      (out.name.empty() || out.name.size() > 15 || out.name.find_first_of("/ \t\n:%\"*\\") != std::string::npos)) {
    section.refuse(
        "name", "is no interface name: 1 to 15 characters without slash, colon, per cent, quote, star or white space.");
  }
  // RFC 8200 5: IPv6 needs 1280; less is allowed for links that carry IPv4 only.
  section.read_number("mtu", out.mtu, 576, 65535);
  section.read("offloads", out.offloads);
  std::vector<std::string> addresses;
  if (section.read_list("address", addresses)) {
    for (const std::string& text : addresses) {
      if (const auto address = IpAddr::parse(text)) {
        out.addresses.push_back(*address);
      } else {
        section.refuse("address", "\"" + text + "\" is no IP address (without prefix length).");
      }
    }
  }
}

}  // namespace sallyport::config
