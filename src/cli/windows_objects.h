// What Get-NetIPsecRule and its friends print, as plain values: the properties that matter, numbers and names of
// enumerations made one. MSFT_NetConSecRule, MSFT_NetAddressFilter, MSFT_NetProtocolPortFilter, MSFT_NetIKE*Set.
#pragma once
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace sallyport::cli {

struct WindowsRule {
  enum class Security { none, request, require };
  std::string id, name;
  bool enabled = true, tunnel = false;
  Security in = Security::none, out = Security::none;
  std::string key_module;  // as printed
  std::string quick_set, auth_set, second_auth_set;
  std::vector<std::string> local_ends, remote_ends;
};
struct WindowsAddresses {
  std::vector<std::string> local, remote;
};
struct WindowsPorts {
  std::string protocol;
  std::vector<std::string> local, remote;
};
// One of a set of proposals. Names are folded: lower case, letters and digits only.
struct WindowsProposal {
  std::string encapsulation, cipher, hash, ah_hash, group, auth;
  std::string authority;  // of a certificate
  unsigned minutes = 0;
};
struct WindowsSet {
  std::vector<WindowsProposal> proposals;
  std::string group;  // of perfect forward secrecy
  unsigned minutes = 0;
};

struct WindowsObjects {
  std::vector<WindowsRule> rules;
  std::map<std::string, WindowsAddresses> addresses;  // by InstanceID, as the others
  std::map<std::string, WindowsPorts> ports;
  std::map<std::string, WindowsSet> quick_sets, main_sets, auth_sets;
};

// Nothing: not JSON; `why` then says what is wrong and where.
std::optional<WindowsObjects> read_windows_objects(std::string_view document, std::string& why);
std::string folded(std::string_view text);

}  // namespace sallyport::cli
