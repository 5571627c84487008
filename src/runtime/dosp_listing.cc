// What nft(8) says about the table of dosp_rules.h. Every octet of a set that is read has to be as expected: a number
// that is not there is not guessed.
#include <charconv>
#include <map>

#include "runtime/dosp_counters.h"
#include "runtime/dosp_rules.h"

namespace sallyport::runtime {
namespace {

constexpr size_t kMostTold = 4 * policy::kMostDospEntries;
constexpr uint32_t kDay = 24 * 3600;  // how long an entry of `since` stays

std::optional<uint64_t> number_after(std::string_view text, std::string_view word) {
  const size_t at = text.find(word);
  if (at == std::string_view::npos) return std::nullopt;
  uint64_t out = 0;
  const char* first = text.data() + at + word.size();
  const auto [end, error] = std::from_chars(first, text.data() + text.size(), out);
  if (error != std::errc() || end == first) return std::nullopt;
  return out;
}

// "1d2h3m4s5ms" in seconds, fractions up.
std::optional<uint32_t> seconds_of(std::string_view text) {
  uint64_t out = 0;
  bool fraction = false;
  while (!text.empty() && text.front() >= '0' && text.front() <= '9') {
    uint64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || number > UINT32_MAX) return std::nullopt;
    text.remove_prefix(static_cast<size_t>(end - text.data()));
    const auto unit = [&](std::string_view name, uint64_t worth) {
      if (!text.starts_with(name)) return false;
      text.remove_prefix(name.size());
      out += number * worth;
      fraction = fraction || (worth == 0 && number > 0);
      return true;
    };
    if (!unit("ms", 0) && !unit("d", kDay) && !unit("h", 3600) && !unit("m", 60) && !unit("s", 1)) return std::nullopt;
  }
  if (!text.empty()) return std::nullopt;
  return static_cast<uint32_t>(std::min<uint64_t>(out + (fraction ? 1 : 0), UINT32_MAX));
}

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlank = " \t\n";
  const size_t first = text.find_first_not_of(kBlank);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

// Calls each(element) for the elements of a set. False: there is no such set, or each() said so.
template <class Each>
bool for_elements(std::string_view listing, const std::string& set, Each each) {
  const size_t begins = listing.find("\tset " + set + " {\n");
  if (begins == std::string_view::npos) return false;
  const std::string_view body = listing.substr(begins, listing.find("\n\t}", begins) - begins);
  constexpr std::string_view kElements = "elements = {";
  const size_t at = body.find(kElements);
  if (at == std::string_view::npos) return true;  // it is empty
  const size_t end = body.find('}', at);
  if (end == std::string_view::npos) return false;
  std::string_view rest = body.substr(at + kElements.size(), end - at - kElements.size());
  while (!rest.empty()) {
    const size_t comma = rest.find(',');
    if (!each(trimmed(rest.substr(0, comma)))) return false;
    rest = comma == std::string_view::npos ? std::string_view() : rest.substr(comma + 1);
  }
  return true;
}

using Pair = std::pair<IpAddr, IpAddr>;  // public, internal

std::optional<Pair> pair_of(std::string_view element) {
  const size_t dot = element.find(" . ");
  if (dot == std::string_view::npos) return std::nullopt;
  const std::string_view second = element.substr(dot + 3);
  const auto outside = IpAddr::parse(element.substr(0, dot));
  const auto inside = IpAddr::parse(second.substr(0, second.find(' ')));
  if (!outside || !inside || outside->is_v4() || inside->is_v4()) return std::nullopt;
  return Pair{*outside, *inside};
}

bool read_counters(std::string_view listing, policy::DospStatistics& out) {
  for (const DospCounter& each : kDospCounters) {
    const size_t at = listing.find(std::string("\tcounter ") + each.name + " {");
    if (at == std::string_view::npos) return false;
    const auto packets = number_after(listing.substr(at, 200), "packets ");
    if (!packets) return false;
    out.*each.value = *packets;
  }
  return true;
}

bool read_states(std::string_view listing, const std::string& number, std::vector<policy::DospState>& out) {
  std::map<Pair, uint64_t> sent;
  std::map<Pair, uint32_t> ages;
  const bool good = for_elements(listing, "sent_" + number,
                                 [&](std::string_view element) {
                                   const auto pair = pair_of(element);
                                   const auto packets = number_after(element, " counter packets ");
                                   if (!pair || !packets) return false;
                                   sent[*pair] = *packets;
                                   return true;
                                 }) &&
                    for_elements(listing, "since_" + number, [&](std::string_view element) {
                      constexpr std::string_view kExpires = " expires ";
                      const auto pair = pair_of(element);
                      const size_t at = element.find(kExpires);
                      if (!pair || at == std::string_view::npos) return false;
                      const auto left = seconds_of(element.substr(at + kExpires.size()));
                      if (!left || *left > kDay) return false;
                      ages[*pair] = kDay - *left;
                      return true;
                    });
  return good && for_elements(listing, "state_" + number, [&](std::string_view element) {
           const auto pair = pair_of(element);
           const auto both = number_after(element, " counter packets ");
           if (!pair || !both) return false;
           policy::DospState state;
           state.public_host = pair->first;
           state.internal_host = pair->second;
           if (const auto at = sent.find(*pair); at != sent.end()) state.outbound_packets = at->second;
           state.inbound_packets = *both > state.outbound_packets ? *both - state.outbound_packets : 0;
           if (const auto at = ages.find(*pair); at != ages.end()) state.duration_seconds = at->second;
           out.push_back(state);
           return true;
         });
}

}  // namespace

std::optional<policy::DospReport> parse_dosp_listing(std::string_view listing) {
  policy::DospReport out;
  if (!read_counters(listing, out.statistics)) return std::nullopt;
  for (size_t i = 1; i <= policy::kMostDospSettings; ++i) {
    const std::string number = std::to_string(i);
    if (listing.find("\tset state_" + number + " {\n") == std::string_view::npos) continue;
    if (!read_states(listing, number, out.states)) return std::nullopt;
    const auto one_more = [&](std::string_view element) {
      ++out.statistics.current_per_ip_queues;
      return IpAddr::parse(element.substr(0, element.find(' '))).has_value();
    };
    const bool queues = listing.find("\tset queues_" + number + " {\n") != std::string_view::npos;
    if (queues && !for_elements(listing, "queues_" + number, one_more)) return std::nullopt;
  }
  out.statistics.current_state_entries = out.states.size();
  if (out.states.size() > kMostTold) out.states.resize(kMostTold);
  return out;
}

}  // namespace sallyport::runtime
