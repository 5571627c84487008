// See filter_plan.h. Layers, then those of what is let past connections: point, family, sublayers; each a count of
// rules; a rule: what it does, the filter's number, five lists of ranges. Then the generation that packets are asked
// under, and settings of IPsec DoS protection.
#include "runtime/filter_plan.h"

#include <algorithm>

#include "policy/call.h"

namespace sallyport::runtime {
namespace {

using stack::HostFilters;
using stack::HostLayer;
using stack::HostRule;
using stack::HostSublayer;
using stack::Point;

void put(Writer& out, const HostRule::Addresses& ranges) {
  out.u32(static_cast<uint32_t>(ranges.size()));
  for (const auto& [first, last] : ranges) {
    out.bytes(first.bytes());
    out.bytes(last.bytes());
  }
}
void put(Writer& out, const HostRule::Numbers& ranges) {
  out.u32(static_cast<uint32_t>(ranges.size()));
  for (const auto& [first, last] : ranges) {
    out.u16(first);
    out.u16(last);
  }
}

// So many things of at least one octet each must still fit what is left, or somebody lies to make us reserve memory.
Result<uint32_t> count(Reader& in) {
  SP_TRY(const uint32_t out, in.u32());
  if (out > in.left()) return fail(Errc::truncated);
  return out;
}

Result<IpAddr> address(Reader& in, Family family) {
  SP_TRY(const ByteView octets, in.view(family == Family::v4 ? 4 : 16));
  return IpAddr::from_bytes(octets);
}

Result<> take(Reader& in, Family family, HostRule::Addresses& out) {
  SP_TRY(const uint32_t ranges, count(in));
  for (uint32_t i = 0; i < ranges; ++i) {
    SP_TRY(const IpAddr first, address(in, family));
    SP_TRY(const IpAddr last, address(in, family));
    if (last < first) return fail(Errc::bad_value);
    out.emplace_back(first, last);
  }
  return {};
}

Result<> take(Reader& in, uint16_t most, HostRule::Numbers& out) {
  SP_TRY(const uint32_t ranges, count(in));
  for (uint32_t i = 0; i < ranges; ++i) {
    SP_TRY(const uint16_t first, in.u16());
    SP_TRY(const uint16_t last, in.u16());
    if (last < first || last > most) return fail(Errc::bad_value);
    out.emplace_back(first, last);
  }
  return {};
}

Result<HostRule> take_rule(Reader& in, Family family) {
  HostRule out;
  SP_TRY(const uint8_t does, in.u8());
  if (does > static_cast<uint8_t>(HostRule::Does::ask)) return fail(Errc::bad_value);
  out.does = static_cast<HostRule::Does>(does);
  SP_TRY(out.filter, in.u64());
  SP_CHECK(take(in, family, out.local));
  SP_CHECK(take(in, family, out.remote));
  SP_CHECK(take(in, 255, out.protocols));
  SP_CHECK(take(in, 65535, out.local_ports));
  SP_CHECK(take(in, 65535, out.remote_ports));
  return out;
}

void put(Writer& out, const std::vector<HostLayer>& layers) {
  out.u32(static_cast<uint32_t>(layers.size()));
  for (const HostLayer& layer : layers) {
    out.u8(static_cast<uint8_t>(layer.point));
    out.u8(layer.family == Family::v4 ? 4 : 6);
    out.u32(static_cast<uint32_t>(layer.sublayers.size()));
    for (const HostSublayer& sublayer : layer.sublayers) {
      out.u32(static_cast<uint32_t>(sublayer.size()));
      for (const HostRule& rule : sublayer) {
        out.u8(static_cast<uint8_t>(rule.does));
        out.u64(rule.filter);
        put(out, rule.local);
        put(out, rule.remote);
        put(out, rule.protocols);
        put(out, rule.local_ports);
        put(out, rule.remote_ports);
      }
    }
  }
}

Result<> take(Reader& in, std::vector<HostLayer>& out) {
  SP_TRY(const uint32_t layers, count(in));
  for (uint32_t i = 0; i < layers; ++i) {
    HostLayer layer;
    SP_TRY(const uint8_t point, in.u8());
    SP_TRY(const uint8_t family, in.u8());
    if (point > static_cast<uint8_t>(Point::ipforward) || (family != 4 && family != 6)) return fail(Errc::bad_value);
    layer.point = static_cast<Point>(point);
    layer.family = family == 4 ? Family::v4 : Family::v6;
    const auto same = [&](const HostLayer& l) { return l.point == layer.point && l.family == layer.family; };
    if (std::any_of(out.begin(), out.end(), same)) return fail(Errc::bad_value);
    SP_TRY(const uint32_t sublayers, count(in));
    for (uint32_t s = 0; s < sublayers; ++s) {
      SP_TRY(const uint32_t rules, count(in));
      HostSublayer sublayer;
      for (uint32_t r = 0; r < rules; ++r) {
        SP_TRY(HostRule rule, take_rule(in, layer.family));
        sublayer.push_back(std::move(rule));
      }
      layer.sublayers.push_back(std::move(sublayer));
    }
    out.push_back(std::move(layer));
  }
  return {};
}

// Interfaces by number alone: names are the configuration's, which the privileged process has itself.
Result<stack::DospSetting> take_dosp(Reader& in) {
  stack::DospSetting out;
  SP_TRY(const uint8_t families, in.u8());
  if (families == 0 || families > 3) return fail(Errc::bad_value);
  out.v4 = families & 1;
  out.v6 = families & 2;
  SP_TRY(const uint32_t octets, count(in));
  SP_TRY(const ByteView options, in.view(octets));
  policy::ProviderContext context;
  context.type = policy::ContextType::IPSEC_DOSP;
  SP_TRY(out.options, policy::call::read<policy::DospOptions>(options));
  context.policy = out.options;
  if (!policy::check_context(context)) return fail(Errc::bad_value);
  return out;
}

}  // namespace

Bytes write_filter_plan(const HostFilters& filters) {
  Writer out;
  put(out, filters.layers);
  put(out, filters.past_connections);
  out.u64(filters.asked_under);
  out.u32(static_cast<uint32_t>(filters.unsaid.size()));
  for (const uint64_t filter : filters.unsaid) out.u64(filter);
  out.u32(static_cast<uint32_t>(filters.dosp.size()));
  for (const stack::DospSetting& setting : filters.dosp) {
    out.u8(static_cast<uint8_t>((setting.v4 ? 1 : 0) | (setting.v6 ? 2 : 0)));
    const Bytes options = policy::call::write(setting.options);
    out.u32(static_cast<uint32_t>(options.size()));
    out.bytes(options);
  }
  return out.take();
}

Result<HostFilters> parse_filter_plan(ByteView octets) {
  Reader in(octets);
  HostFilters out;
  SP_CHECK(take(in, out.layers));
  SP_CHECK(take(in, out.past_connections));
  SP_TRY(out.asked_under, in.u64());
  SP_TRY(const uint32_t unsaid, count(in));
  for (uint32_t i = 0; i < unsaid; ++i) {
    SP_TRY(const uint64_t filter, in.u64());
    out.unsaid.push_back(filter);
  }
  SP_TRY(const uint32_t settings, count(in));
  for (uint32_t i = 0; i < settings; ++i) {
    SP_TRY(stack::DospSetting setting, take_dosp(in));
    out.dosp.push_back(std::move(setting));
  }
  SP_CHECK(in.expect_end());
  return out;
}

}  // namespace sallyport::runtime
