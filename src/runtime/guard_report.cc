// See guard_report.h.
#include "runtime/guard_report.h"

#include "policy/call.h"

namespace sallyport::runtime {

Bytes write_guard_report(const GuardReport& report) {
  Writer out;
  out.u8(static_cast<uint8_t>((report.enforced ? 1 : 0) | (report.dosp_lost ? 2 : 0)));
  const GuardCounters& c = report.counters;
  for (const uint64_t count :
       {c.clear_in, c.clear_out, c.other_family_out, c.filtered_in, c.filtered_out, c.secured_in, c.captured_out})
    out.u64(count);
  const Bytes dosp = policy::call::write(report.dosp);
  out.u16(static_cast<uint16_t>(dosp.size()));
  out.bytes(dosp);
  out.bytes(as_bytes(report.sentence));
  return out.take();
}

Result<GuardReport> parse_guard_report(ByteView bytes) {
  Reader in(bytes);
  GuardReport out;
  SP_TRY(const uint8_t flags, in.u8());
  out.enforced = flags & 1;
  out.dosp_lost = flags & 2;
  SP_TRY(out.counters.clear_in, in.u64());
  SP_TRY(out.counters.clear_out, in.u64());
  SP_TRY(out.counters.other_family_out, in.u64());
  SP_TRY(out.counters.filtered_in, in.u64());
  SP_TRY(out.counters.filtered_out, in.u64());
  SP_TRY(out.counters.secured_in, in.u64());
  SP_TRY(out.counters.captured_out, in.u64());
  SP_TRY(const uint16_t octets, in.u16());
  SP_TRY(const ByteView dosp, in.view(octets));
  SP_TRY(out.dosp, policy::call::read<std::optional<policy::DospStatistics>>(dosp));
  out.sentence = std::string(as_text(in.rest()));
  return out;
}

}  // namespace sallyport::runtime
