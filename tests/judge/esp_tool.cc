// Seals and opens packets with one SA, for a judge that speaks through a pipe. Arguments: seal|open ENCR KEY-BITS INTEG
// esn|no-esn 4|6 (numbers of the IKEv2 registry, inner family). One packet in hex a line in, one a line out: ESP
// without outer header, or the inner packet, or the name of the drop reason. First line out: the keys, "ENCR-KEY
// INTEG-KEY SPI".
#include <cstdlib>
#include <iostream>

#include "support/esp_pair.h"

using namespace sallyport;
using namespace sallyport::support;

namespace {

std::string drop_name(const ipsec::DropCounters& drops) {
  for (size_t i = 0; i < ipsec::kDropCount; ++i) {
    if (drops[static_cast<ipsec::Drop>(i)] != 0) return std::string(to_string(static_cast<ipsec::Drop>(i)));
  }
  return "nothing";
}

std::string answer(EspPair& pair, bool sealing, ByteView packet) {
  ipsec::DropCounters& drops = sealing ? pair.left.drops : pair.right.drops;
  drops = {};
  const Bytes out = sealing ? pair.seal(packet) : pair.open(packet);
  return out.empty() ? drop_name(drops) : to_hex(out);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 7) {
    std::cerr << "esp_tool seal|open ENCR KEY-BITS INTEG esn|no-esn 4|6\n";
    return 2;
  }
  EspChoice choice;
  choice.encr = static_cast<model::EncrId>(std::atoi(argv[2]));
  choice.key_bits = static_cast<uint16_t>(std::atoi(argv[3]));
  choice.integ = static_cast<model::IntegId>(std::atoi(argv[4]));
  choice.esn = std::string_view(argv[5]) == "esn";
  choice.inner = std::string_view(argv[6]) == "6" ? Family::v6 : Family::v4;
  EspPair pair(choice);
  if (pair.left.sad.size() != 1) {
    std::cerr << "esp_tool: the SA is refused\n";
    return 1;
  }
  const model::SaSpec spec = make_spec(choice, true);
  std::cout << (spec.out.encr.empty() ? "-" : to_hex(spec.out.encr.view())) << ' '
            << (spec.out.integ.empty() ? "-" : to_hex(spec.out.integ.view())) << ' ' << spec.spi_out << std::endl;
  for (std::string line; std::getline(std::cin, line);) {
    const auto packet = from_hex(line);
    std::cout << (packet ? answer(pair, std::string_view(argv[1]) == "seal", *packet) : "not hex") << std::endl;
  }
  return 0;
}
