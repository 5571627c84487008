// Seals and opens packets with one SA of any kind, for judges that speak through a pipe. Arguments:
//   sa_tool seal|open esp|ah tunnel|transport ENCR KEY-BITS INTEG esn|no-esn OUTER INNER native|udp FIRST
// Numbers of the IKEv2 registry; OUTER, INNER: 4 or 6; FIRST: sequence number in front of the first one. First line
// out: "ENCR-KEY INTEG-KEY SPI". Then one packet in hex a line in, and one a line out: what is on the wire (a whole IP
// packet, with udp its payload) or the packet that was inside, or the name of the drop reason.
#include <cstdlib>
#include <iostream>

#include "support/sa_pair.h"

using namespace sallyport;
using namespace sallyport::support;

namespace {

std::string drop_name(const ipsec::DropCounters& drops) {
  for (size_t i = 0; i < ipsec::kDropCount; ++i) {
    if (drops[static_cast<ipsec::Drop>(i)] != 0) return std::string(to_string(static_cast<ipsec::Drop>(i)));
  }
  return "nothing";
}

std::string answer(SaPair& pair, bool sealing, ByteView packet) {
  ipsec::DropCounters& drops = sealing ? pair.left.drops : pair.right.drops;
  drops = {};
  const Bytes out = sealing ? pair.seal(packet) : pair.open(packet);
  return out.empty() ? drop_name(drops) : to_hex(out);
}

std::string hex_of(const SecretBytes& key) { return key.empty() ? "-" : to_hex(key.view()); }

SaChoice read_choice(char** words) {
  SaChoice out;
  out.protocol = std::string_view(words[0]) == "ah" ? model::Protocol::AH : model::Protocol::ESP;
  out.mode = std::string_view(words[1]) == "transport" ? model::Mode::transport : model::Mode::tunnel;
  out.encr = static_cast<model::EncrId>(std::atoi(words[2]));
  out.key_bits = static_cast<uint16_t>(std::atoi(words[3]));
  out.integ = static_cast<model::IntegId>(std::atoi(words[4]));
  out.esn = std::string_view(words[5]) == "esn";
  out.outer = std::string_view(words[6]) == "6" ? Family::v6 : Family::v4;
  out.inner = std::string_view(words[7]) == "6" ? Family::v6 : Family::v4;
  out.udp = std::string_view(words[8]) == "udp";
  return out;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 12) {
    std::cerr << "sa_tool seal|open esp|ah tunnel|transport ENCR KEY-BITS INTEG esn|no-esn 4|6 4|6 native|udp FIRST\n";
    return 2;
  }
  const bool sealing = std::string_view(argv[1]) == "seal";
  SaPair pair(read_choice(argv + 2));
  if (!pair.installed) {
    std::cerr << "sa_tool: the SA is refused\n";
    return 1;
  }
  const uint64_t first = std::strtoull(argv[11], nullptr, 10);
  pair.left_sa().sequence = first;
  if (first != 0 && !pair.right_sa().replay.advance(first).passed()) return 1;
  const model::SaSpec spec = pair.spec(true);
  std::cout << hex_of(spec.out.encr) << ' ' << hex_of(spec.out.integ) << ' ' << spec.spi_out << std::endl;
  for (std::string line; std::getline(std::cin, line);) {
    const auto packet = from_hex(line);
    std::cout << (packet ? answer(pair, sealing, *packet) : "not hex") << std::endl;
  }
  return 0;
}
