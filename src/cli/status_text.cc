// The status for people.
#include <map>

#include "cli/verbs.h"

namespace sallyport::cli {

void print_status(std::ostream& out, const ctl::StatusReply& status);

namespace {

std::string joined(const std::vector<std::string>& list, std::string_view empty = "any") {
  std::string text;
  for (const auto& item : list) text += (text.empty() ? "" : ", ") + item;
  return printable(text.empty() ? empty : std::string_view(text));
}

std::string octets(uint64_t n) {
  static constexpr const char* kUnits[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
  size_t unit = 0;
  uint64_t tenths = n * 10;
  if (n > UINT64_MAX / 10) return std::to_string(n >> 40) + " TiB";
  while (tenths >= 10240 && unit < 5) {
    tenths /= 1024;
    ++unit;
  }
  return std::to_string(tenths / 10) + (unit > 0 ? "." + std::to_string(tenths % 10) : "") + " " + kUnits[unit];
}

// Clear packets that policy wants protected: kept out or not, and how many there were.
void print_guard(std::ostream& out, const ctl::StatusReply& status) {
  if (status.daemon.device_type != "tun") return;
  if (!status.daemon.fail_closed) {
    out << "NOT FAIL CLOSED: " << printable(status.daemon.fail_closed_note) << ".\n";
    return;
  }
  out << "fail closed; clear packets refused:";
  for (const auto& counter : status.counters) {
    if (counter.name == "clear_in") out << " " << counter.value << " coming in";
    if (counter.name == "clear_out") out << ", " << counter.value << " going out";
    if (counter.name == "other_family_out" && counter.value > 0) out << ", " << counter.value << " of the other family";
  }
  out << "\n";
}

// What IPsec DoS protection has let through to the hosts behind this one, and what not.
void print_dos_protection(std::ostream& out, const ctl::StatusReply& status) {
  std::map<std::string, uint64_t> counts;
  for (const auto& counter : status.counters) counts[counter.name] = counter.value;
  if (counts.count("dosp_lost") != 0)
    out << "NO DoS PROTECTION: somebody has removed its table of the packet filter; a reload puts it back.\n";
  if (counts.count("dosp_states") == 0) return;
  const auto kind = [&](const char* text, const std::string& name, std::initializer_list<const char*> refused) {
    uint64_t dropped = 0;
    for (const char* each : refused) dropped += counts[name + each];
    const uint64_t passed = counts[name + "_allowed"];
    if (passed != 0 || dropped != 0) out << "  " << text << ": " << passed << " passed, " << dropped << " dropped\n";
  };
  out << "DoS protection: " << counts["dosp_states"] << " state entries (" << counts["dosp_states_created"]
      << " made so far), " << counts["dosp_queues"] << " limited addresses\n";
  kind("IPsec without a state entry", "dosp_unauth", {"_limited", "_per_ip_limited", "_discarded"});
  kind("IPsec with one", "dosp_auth", {"_limited", "_discarded"});
  kind("ICMPv6", "dosp_icmpv6", {"_limited"});
  kind("exempt by a filter", "dosp_filter_exempt", {"_limited"});
  kind("exempt from the default block", "dosp_default_block_exempt", {"_limited"});
  const uint64_t blocked = counts["dosp_default_blocked"], filtered = counts["dosp_filter_blocked"];
  const uint64_t outbound = counts["dosp_outbound_discarded"];
  if (blocked + filtered + outbound != 0)
    out << "  blocked: " << blocked << " by default, " << filtered << " by a filter, " << outbound << " going out\n";
}

void print(std::ostream& out, const ctl::ChildSaEntry& sa) {
  out << "    " << printable(sa.child) << ": " << sa.state << ", " << (sa.mode.empty() ? "tunnel" : sa.mode) << ", "
      << (sa.protocol.empty() ? "ESP" : printable(sa.protocol)) << (sa.udp_encap ? " in UDP" : "")
      << (sa.peer_boundary ? " with a boundary host" : "") << ", SPIs " << hex(sa.spi_in, 8) << " in, "
      << hex(sa.spi_out, 8) << " out, " << printable(sa.algorithms)

      << (sa.resource ? ", copy " + std::to_string(*sa.resource) : "") << "\n"
      << "      " << joined(sa.local) << " === " << joined(sa.remote) << "\n"
      << "      in " << octets(sa.bytes_in) << " (" << sa.packets_in << " packets), out " << octets(sa.bytes_out)
      << " (" << sa.packets_out << " packets)";
  if (sa.drops != 0) out << ", " << sa.drops << " dropped";
  out << "; installed " << ago(sa.installed_seconds) << " ago";
  if (sa.rekey_in) out << ", rekey in " << ago(*sa.rekey_in);
  if (sa.expires_in) out << ", expires in " << ago(*sa.expires_in);
  out << "\n";
}

void print(std::ostream& out, const ctl::IkeSaEntry& sa) {
  out << "  IKE SA " << sa.ike_id << ": " << sa.state << ", " << hex(sa.spi_i, 16) << (sa.initiator ? "_i*" : "_i")
      << " " << hex(sa.spi_r, 16) << (sa.initiator ? "_r" : "_r*") << "\n"
      << "    " << sa.local.to_string() << " [" << printable(sa.local_id) << "]"
      << (sa.nat_local ? " behind a NAT" : "") << " … " << sa.remote.to_string() << " [" << printable(sa.remote_id)
      << "]" << (sa.nat_remote ? " behind a NAT" : "") << "\n    ";
  if (!sa.local_user.empty() || !sa.remote_user.empty())
    out << "user " << (sa.local_user.empty() ? "none" : "[" + printable(sa.local_user) + "]") << " … "
        << (sa.remote_user.empty() ? "none" : "[" + printable(sa.remote_user) + "]") << "\n    ";
  out << printable(sa.algorithms);
  if (sa.established_seconds != 0) out << "; established " << ago(sa.established_seconds) << " ago";
  if (sa.rekey_in) out << ", rekey in " << ago(*sa.rekey_in);
  out << "\n";
  for (const auto& child : sa.children) print(out, child);
}

}  // namespace

void print_status(std::ostream& out, const ctl::StatusReply& status) {
  const auto& daemon = status.daemon;
  out << "sallyportd " << printable(daemon.version) << ", pid " << daemon.pid << ", up " << ago(daemon.uptime_seconds)
      << "; ports " << daemon.ike_port << " and " << daemon.natt_port << "; device ";
  // The internal device has no name of the system's.
  if (daemon.device_name.empty()) {
    out << printable(daemon.device_type) << " (mtu ";
  } else {
    out << printable(daemon.device_name) << " (" << printable(daemon.device_type) << ", mtu ";
  }
  out << daemon.device_mtu << ")\n";
  if (daemon.key_log) out << "KEYS ARE BEING LOGGED: whoever reads the key log reads the traffic.\n";
  print_guard(out, status);
  print_dos_protection(out, status);
  for (const auto& connection : status.connections) {
    out << "\n"
        << connection.name << ": " << connection.state << "  " << joined(connection.local_addrs) << " ["
        << printable(connection.local_id) << "] … " << joined(connection.remote_addrs) << " ["
        << printable(connection.remote_id.empty() ? "any" : connection.remote_id) << "]"
        << (connection.keep_up ? ", kept up" : "") << (connection.proves_user ? ", proves a user" : "")
        << (connection.remote_user.empty() ? "" : ", of user [" + printable(connection.remote_user) + "]") << "\n";
    if (!connection.last_error.empty()) out << "  last attempt: " << printable(connection.last_error) << "\n";
    if (connection.retry_in) out << "  next attempt in " << ago(*connection.retry_in) << "\n";
    for (const auto& sa : status.ike_sas) {
      if (sa.connection == connection.name) print(out, sa);
    }
    for (const auto& child : connection.children) {
      if (child.state != "up") {
        out << "    " << child.name << ": " << child.state << "  " << joined(child.local)
            << " === " << joined(child.remote) << "\n";
      }
    }
  }
  for (const auto& sa : status.ike_sas) {  // responder SAs that no connection has claimed yet
    if (sa.connection.empty()) print(out, sa);
  }
  if (!status.drops.empty()) {
    out << "\ndropped:";
    for (const auto& drop : status.drops) out << "  " << printable(drop.name) << " " << drop.value;
    out << "\n";
  }
}

}  // namespace sallyport::cli
