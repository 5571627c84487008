// A UDP datagram of anybody, as the daemon gets it: demultiplexed, then given to the data plane or to the keying half.
// Nothing of it is authentic, so at most one answer comes of it, the same one each time, and no SA (S9).
//   octet 0: 1 on the port with the non-ESP marker
// Links: stack
// Sources: support/seeded_openssl.cc
#include "fuzz/property.h"
#include "support/stack_pair.h"

using namespace sallyport;
using namespace sallyport::test;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t octets) {
  if (octets == 0) return 0;
  const bool natt = (bytes[0] & 1) != 0;
  const ByteView input(bytes + 1, octets - 1);
  const auto demuxed = stack::demux(input, natt);
  fuzz::holds(demuxed.payload.size() <= input.size(), "demultiplexing adds nothing");
  fuzz::holds(natt || demuxed.to != stack::Demuxed::To::esp, "without the marker's port everything is IKE");

  seed_openssl(1);
  StackNode node(1, "192.0.2.2", "10.2.0.1");
  node.keys.secrets["site-psk"] = "a long enough secret";
  TimePoint now{seconds(1000)};
  node.control.handle_command(now, stack::ReloadCommand{0, psk_policy(true)});
  node.drain(now);
  const uint16_t port = natt ? 4500 : 500;
  const WirePacket packet{{*IpAddr::parse("192.0.2.1"), port}, {node.address, port}, natt, to_bytes(input)};
  node.receive(now, packet);
  fuzz::holds(node.out.size() <= 1, "at most one answer");
  fuzz::holds(node.dataplane.sas(now).empty(), "no SA comes of it");
  const size_t first_answer = node.out.empty() ? 0 : node.out.front().payload.size();
  node.out.clear();
  node.receive(now, packet);
  fuzz::holds(node.out.empty() || node.out.front().payload.size() == first_answer, "a repetition gets the same answer");
  return 0;
}
