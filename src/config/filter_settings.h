// The filter engine's policy as a configuration file writes it: [main_mode.NAME], [quick_mode.NAME],
// [tunnel.NAME] and [[filter]], in the words of the Windows Filtering Platform. Names are checked against
// proto/wfp.def; `stack` makes objects of them. Values.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "base/ip_addr.h"
#include "base/time.h"
#include "model/ike_policy.h"

namespace sallyport::config {

// A context of main mode policy for IKEv2. Its one authentication method is named "<key>/0", as policy::credential_name
// does, among Settings' credentials and trust.
struct MainModeSettings {
  std::string name;
  std::string key;  // the object's GUID, from its name
  model::AuthPolicy::Kind auth = model::AuthPolicy::Kind::psk;
  std::string secret_file;  // psk
  model::Proposals proposals;
  uint32_t lifetime_seconds = 28800;
  bool operator==(const MainModeSettings&) const = default;
};

// Whether users prove who they are beside the machines (RFC 4739): emPolicy. Its files are named "<key>/0".
struct UserSettings {
  bool proves = false;   // this host has a user, or one for each account
  bool demands = false;  // the peer has to have one
  bool operator==(const UserSettings&) const = default;
};

// A context of quick mode policy in transport mode.
struct QuickModeSettings {
  std::string name;
  std::string key;
  model::Proposals proposals;  // ESP, or AH
  uint32_t lifetime_seconds = 3600;
  uint32_t flags = 0;  // IPSEC_POLICY_FLAG_*
  uint32_t clear_timeout_seconds = 10;
  uint32_t idle_timeout_seconds = 0;  // 0: an SA that is not used stays
  std::optional<UserSettings> user;
  bool operator==(const QuickModeSettings&) const = default;
};

struct AddressRange {
  IpAddr first, last;
  bool operator==(const AddressRange&) const = default;
};
struct PortRange {
  uint16_t first = 0, last = 65535;
  bool operator==(const PortRange&) const = default;
};

// One filter for each of the families; at KM_AUTHORIZATION one for both.
struct FilterSettings {
  std::string name;
  std::string layer;  // without family: OUTBOUND_TRANSPORT
  bool v4 = true, v6 = true;
  std::string sublayer = "UNIVERSAL";
  std::optional<uint8_t> weight_range;
  // Conditions. Several of one kind are alternatives; none: not asked.
  std::vector<AddressRange> local, remote;
  std::vector<PortRange> local_ports, remote_ports;
  std::vector<uint8_t> protocols;
  bool icmp = false;  // the family's own ICMP, among the protocols
  bool unicast = false;
  std::vector<std::string> remote_machines;  // identities as IKE proves them; at KM_AUTHORIZATION REMOTE_ID
  std::vector<std::string> remote_users;     // the same of users
  std::vector<std::string> programs;         // of this host, by path; at the ALE layers
  std::vector<std::string> users;            // accounts of this host, names or numbers
  std::vector<uint32_t> uids;                // their numbers, once they are looked up
  std::string file;                          // where the users are written
  uint32_t line = 0;
  std::optional<model::AuthPolicy::Kind> authentication;  // at KM_AUTHORIZATION: how the peer proved who it is
  std::string action = "PERMIT";                          // PERMIT, BLOCK or a callout without family
  uint64_t raw_context = 0;
  std::string context;  // a main_mode or quick_mode name
  // At IPSEC_KM_DEMUX instead: the keying modules that may be tried, by their names in proto/wfp.def, and whether
  // lighter filters are asked no more.
  std::vector<std::string> key_modules;
  bool terminating_match = false;
  bool hard = false;  // CLEAR_ACTION_RIGHT
  bool operator==(const FilterSettings&) const = default;
};

// Both halves of a tunnel's policy but main mode: a context of quick mode policy in tunnel mode for each IP version of
// the traffic inside, and the filters that lead traffic into it.
struct TunnelSettings {
  std::string name;
  std::string main_mode;
  IpAddr local_endpoint;
  std::vector<IpAddr> remote_endpoints;  // tried in order
  std::string remote_name;               // instead of them
  FilterSettings traffic;                // conditions only
  model::Proposals proposals;
  uint32_t lifetime_seconds = 3600;
  uint32_t idle_timeout_seconds = 0;  // as in QuickModeSettings
  uint32_t flags = 0;                 // IPSEC_POLICY_FLAG_*
  bool point_to_point = false;        // nothing is passed on
  bool operator==(const TunnelSettings&) const = default;
};

struct FilterPolicy {
  std::vector<MainModeSettings> main_modes;
  std::vector<QuickModeSettings> quick_modes;
  std::vector<TunnelSettings> tunnels;
  std::vector<FilterSettings> filters;  // in the order of the files
  bool empty() const { return main_modes.empty() && quick_modes.empty() && tunnels.empty() && filters.empty(); }
  bool operator==(const FilterPolicy&) const = default;
};

// Keys of the built-in contexts of secure sockets (proto/wfp.def), and of ours for sockets that must be encrypted.
inline constexpr const char* kSecureSocketMainMode = "b25ea800-0d02-46ed-92bd-7fa84bb73e9d";
inline constexpr const char* kSecureSocketQuickMode = "8c2d4144-f8e0-42c0-94ce-7ccfc63b2f9b";
inline constexpr const char* kSecureSocketEncrypted = "5a11f0a7-0000-8000-8000-656e63727970";

// A GUID made of a name, always the same one (RFC 9562 5.8): an object of the configuration keeps its key over reloads.
std::string key_of_name(std::string_view name);

}  // namespace sallyport::config
