// What the configuration says, as validated values: docs/configuration.md describes the file. Secrets, private keys and
// certificates are named by path only; this room never sees their content. Values.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "base/ip_addr.h"
#include "base/time.h"
#include "config/dos_protection.h"
#include "config/filter_settings.h"
#include "model/ike_policy.h"

namespace sallyport::config {

enum class LogLevel : uint8_t { error, warning, info, debug, trace };
std::string_view to_string(LogLevel level);
std::optional<LogLevel> log_level_from(std::string_view text);

struct LogSettings {
  LogLevel level = LogLevel::info;
  std::string file;          // empty: no file
  bool to_stderr = true;     // the service manager's journal
  unsigned rate_limit = 20;  // lines a second of one kind about one peer; the rest are counted and summed up
  bool operator==(const LogSettings&) const = default;
};

// What happens to packets that the policy says PROTECT while nothing protects them. docs/fail-closed.md.
struct FailClosedSettings {
  enum class Enforce : uint8_t { require, warn, off };  // refuse to start without the packet filter; say so; leave it
  enum class AfterStop : uint8_t { open, closed };      // after a clean end; a crash always leaves it closed
  Enforce enforce = Enforce::require;
  AfterStop after_stop = AfterStop::open;
  bool refuse_other_family = true;  // RFC 7359: IPv6 beside a tunnel that takes all of IPv4, and the other way round
  bool operator==(const FailClosedSettings&) const = default;
};

struct DaemonSettings {
  std::string control_socket = "/run/sallyport/control.sock";
  std::string control_group;  // group that may use the socket; empty: only the daemon's own user and root
  uint16_t workers = 1;       // threads that carry packets, each with a queue of the TUN device
  uint16_t ike_port = 500;
  uint16_t natt_port = 4500;
  bool udp_offloads = true;          // UDP_SEGMENT and UDP_GRO where the kernel has them
  uint16_t remote_natt_port = 4500;  // of every peer; a peer's IKE port is its connection's remote_port
  bool prefer_udp = true;            // ESP in UDP to other sallyports, also where there is no NAT
  LogSettings log;
  FailClosedSettings fail_closed;
  std::string policy_store = "/var/lib/sallyport/policy";  // of the filter engine; empty: none is kept
  std::string key_log;             // folder for Wireshark's key tables; empty: keys are never written
  bool split = true;               // parent, key and helper processes; false: all in one process
  std::string user = "sallyport";  // of the worker when started by root
  bool operator==(const DaemonSettings&) const = default;
};

struct DeviceSettings {
  enum class Type : uint8_t { tun, internal };
  Type type = Type::tun;
  std::string name = "sallyport0";
  uint16_t mtu = 1400;
  bool offloads = true;           // tun: large packets and open checksums in virtio-net headers
  std::vector<IpAddr> addresses;  // internal: the inner host's; tun: given to the interface
  bool operator==(const DeviceSettings&) const = default;
};

// What the key process loads under the name an AuthPolicy carries as `credential`. Paths are absolute, or relative to
// the working directory if the configuration file was named so.
struct CredentialFiles {
  std::string name;
  model::AuthPolicy::Kind kind = model::AuthPolicy::Kind::psk;
  std::string secret;       // psk: file whose first line is the secret
  std::string certificate;  // cert: PEM, leaf first, then intermediates
  std::string key;          // cert: PEM private key
  bool operator==(const CredentialFiles&) const = default;
};

// What the verifying process loads under the name an AuthPolicy carries as `trust`.
struct TrustFiles {
  std::string name;
  std::vector<std::string> anchors;  // PEM files
  bool operator==(const TrustFiles&) const = default;
};

// One [[user]]: what an account of this host proves to peers that ask for users.
struct AccountUserFiles {
  std::string account;          // name, or number in decimal
  std::optional<uint32_t> uid;  // looked up
  model::LocalUser user;
  bool operator==(const AccountUserFiles&) const = default;
};

// Who may call about sockets: one [[secure_sockets.caller]]. What it names has to fit all at once, of each list one;
// an empty list asks nothing.
struct SocketCallerRule {
  // Whether its programs may have files opened as the accounts of their peers.
  enum class Broker : uint8_t { none, read, write };
  std::string name;  // as refusals say it
  bool allow = false;
  Broker broker = Broker::none;
  std::vector<std::string> users, groups;  // names, or numbers in decimal
  std::vector<std::string> cgroups;        // of version 2: a path with all below it; '*' stands for any but '/'
  std::vector<std::string> executables;    // paths; '*' as above
  std::vector<uint32_t> uids, gids;        // users and groups, looked up
  std::string file;                        // where it stands, for errors
  uint32_t line = 0;
  bool operator==(const SocketCallerRule&) const = default;
};

// Sockets that programs secure for themselves: docs/secure-sockets.md. Their default policy is two contexts and a
// filter among `filters`.
struct SecureSocketSettings {
  bool enabled = false;     // the table is there
  std::string socket;       // path that programs call at; empty: sockets.sock beside the control socket
  std::string account_map;  // file of lines "ACCOUNT PRINCIPAL" by which peers are impersonated; empty: nobody is
  std::vector<std::pair<std::string, std::string>> accounts;  // what it says: principal, account
  std::vector<std::string>
      identify_only;  // users whose programs learn who a peer is, and get no rights of it; "*": all
  std::vector<uint32_t> identify_only_uids;  // the same, looked up
  bool identify_only_all = false;            // "*"
  std::vector<SocketCallerRule> callers;     // the first that fits decides, and none refuses; empty: everybody may
  unsigned per_user = 4096;                  // secured sockets of one user
  Duration keep_warm = seconds(60);          // of SAs that no socket uses any more; 0: they go with it
  bool operator==(const SecureSocketSettings&) const = default;
};

struct Settings {
  DaemonSettings daemon;
  DeviceSettings device;
  std::vector<model::ConnectionPolicy> connections;  // in the order of the files
  std::vector<CredentialFiles> credentials;          // sorted by name, each once
  std::vector<TrustFiles> trust;                     // sorted by name, each once
  FilterPolicy filters;
  std::vector<AccountUserFiles> users;  // each account once
  SecureSocketSettings secure_sockets;
  std::vector<DosProtectionSettings> dos_protection;  // in the order of the files
  bool operator==(const Settings&) const = default;
};

}  // namespace sallyport::config
