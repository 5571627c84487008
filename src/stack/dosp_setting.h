// IPsec DoS protection as the host's packet filter is to have it: which settings are in force. A setting is a provider
// context of type IPSEC_DOSP that a filter at IPFORWARD with the callout IPSEC_DOSP_FORWARD refers to, or a table
// [dos_protection.NAME] of the configuration. Pure; a value.
#pragma once
#include <string>
#include <vector>

#include "config/dos_protection.h"
#include "policy/filter.h"
#include "policy/keying_policy.h"

namespace sallyport::policy {
struct Snapshot;
}

namespace sallyport::stack {

struct DospSetting {
  policy::DospOptions options;  // its LUIDs are interface indexes
  // The configuration's interfaces, by name; in place of LUIDs.
  std::vector<std::string> public_names, internal_names;
  bool v4 = false, v6 = false;  // the IP versions it is about
  // IPSEC_DOSP_FLAG_*.
  static constexpr uint32_t kEnableIkev1 = 0x1, kEnableIkev2 = 0x2, kDisableAuthip = 0x4, kDisableDefaultBlock = 0x8,
                            kFilterBlock = 0x10, kFilterExempt = 0x20;
  // Without an interface on each side a setting has no effect.
  bool operational() const;
  bool operator==(const DospSetting&) const = default;
};

bool is_dosp(const policy::Filter& filter);
// Each context once; those of heavier filters first. What else is a condition of such a filter is not looked at.
std::vector<DospSetting> dosp_settings(const policy::Snapshot& snapshot);

DospSetting dosp_setting(const config::DosProtectionSettings& from);

}  // namespace sallyport::stack
