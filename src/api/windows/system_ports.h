// Ports that system services listen on (FWPM_SYSTEM_PORTS0), read from this host's own tables, and who is told when
// they change. No daemon is asked. Any thread; callbacks come on one thread of their own, one at a time.
#pragma once
#include <sallyport/windows/fwpmu.h>

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace sallyport::api::windows {

using SystemPorts = std::array<std::vector<uint16_t>, FWPM_SYSTEM_PORT_TYPE_MAX>;  // by type, ascending

// One table of sockets, as the kernel prints it (/proc/net/tcp and its like): the ports on which somebody waits, TCP's
// in state LISTEN, UDP's unconnected.
std::vector<uint16_t> waiting_ports(const std::string& table, bool tcp);
// Which of them are whose: 135 and 111 map endpoints of RPC, 3544 of UDP is Teredo's. Nobody speaks IP over HTTPS here.
SystemPorts system_ports_among(const std::vector<uint16_t>& tcp, const std::vector<uint16_t>& udp);
// nullopt: the system does not show its tables.
std::optional<SystemPorts> system_ports();

using OnSystemPorts = std::function<void(const SystemPorts&)>;
// Told at once and with every change, which is noticed within a second, until stop_system_ports(). engine: whose end
// ends it; nullptr: none. 0: no more than kMostWatches, and none in the child of a fork whose parent watches.
uint64_t watch_system_ports(HANDLE engine, SystemPorts now, OnSystemPorts on_change);
// No callback of it runs once this has returned, unless it is called from one. False: there is none.
bool stop_system_ports(uint64_t watch);
void stop_system_ports_of(HANDLE engine);
inline constexpr size_t kMostWatches = 32;

}  // namespace sallyport::api::windows
