// Who waits on which port, read from the kernel's tables.
#include "api/windows/system_ports.h"

#include <doctest/doctest.h>

using namespace sallyport::api::windows;

TEST_SUITE("api/system_ports") {
  TEST_CASE("[WFP 18] ports that somebody waits on are told from those of connections, over both IP versions") {
    const std::string tcp =
        "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt\n"
        "   0: 00000000:006F 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1\n"
        "   1: 0100007F:0087 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 2 1\n"
        "   2: 0100007F:0DD8 0100007F:1F90 01 00000000:00000000 00:00000000 00000000     0        0 3 1\n";
    CHECK(waiting_ports(tcp, true) == std::vector<uint16_t>{111, 135});
    const std::string udp =
        "  sl  local_address                         remote_address                        st\n"
        "   0: 00000000000000000000000000000000:0DD8 00000000000000000000000000000000:0000 07 00\n"
        "   1: 00000000000000000000000000000000:006F 00000000000000000000000001000000:0035 01 00\n";
    CHECK(waiting_ports(udp, false) == std::vector<uint16_t>{3544});
  }

  TEST_CASE("a table that is none has no ports") {
    for (const char* text : {"", "\n", "heading", "heading\n\n", "heading\n 0: zz 0A\n", "heading\n 0: 1:ffff 2:3\n"})
      CHECK(waiting_ports(text, true).empty());
  }

  TEST_CASE("[WFP 18] whose a port is, by type") {
    const SystemPorts ports = system_ports_among({22, 111, 135, 3544}, {111, 3544});
    CHECK(ports[FWPM_SYSTEM_PORT_RPC_EPMAP] == std::vector<uint16_t>{111, 135});
    CHECK(ports[FWPM_SYSTEM_PORT_TEREDO] == std::vector<uint16_t>{3544});
    CHECK(ports[FWPM_SYSTEM_PORT_IPHTTPS_IN].empty());
    CHECK(ports[FWPM_SYSTEM_PORT_IPHTTPS_OUT].empty());
    CHECK(system_ports_among({3544}, {}) == SystemPorts{});
  }
}
