// IPsec DoS protection as text for nft(8), and back: what is forwarded from public to internal interfaces, sorted into
// classes that are counted, limited and marked. One table of its own, replaced whole in one transaction. What the
// classes are: docs/dos-protection.md. Pure; any thread.
#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "policy/dosp.h"
#include "stack/dosp_setting.h"

namespace sallyport::runtime {

constexpr const char* kDospTable = "sallyport_dosp";  // family inet

// Those that are operational, the most specific prefixes first: the first one that a packet falls under has the say.
std::vector<stack::DospSetting> dosp_in_force(std::vector<stack::DospSetting> settings);

// The whole transaction. Requires: dosp_in_force made them, and they are no more than kMostDospSettings. counters: what
// the table begins with, so that replacing it loses no count; state entries and queues begin anew.
std::string dosp_rules(const std::vector<stack::DospSetting>& settings, const policy::DospStatistics& counters);

// The name of an empty chain in the table that only a table of these settings has.
std::string dosp_plan_chain(const std::vector<stack::DospSetting>& settings);

// From the output of `nft list table inet sallyport_dosp`. Nothing: that is not what dosp_rules() has made.
std::optional<policy::DospReport> parse_dosp_listing(std::string_view listing);

}  // namespace sallyport::runtime
