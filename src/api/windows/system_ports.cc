// See system_ports.h.
#include "api/windows/system_ports.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <sstream>
#include <thread>

#include "api/windows/arena.h"

namespace sallyport::api::windows {
namespace {

constexpr uint16_t kOncRpc = 111, kDceRpc = 135, kTeredo = 3544;
constexpr unsigned long kTcpListen = 10, kUdpUnconnected = 7;  // the kernel's numbers of states
constexpr size_t kMostOfTable = size_t{8} << 20;
constexpr auto kEvery = std::chrono::seconds(1);

std::optional<std::string> read_table(const char* name, bool tcp) {
  const std::string path = std::string("/proc/net/") + name;
  FILE* const file = ::fopen(path.c_str(), "re");
  if (!file) return std::nullopt;
  std::string out;
  char line[512];
  while (out.size() < kMostOfTable && ::fgets(line, sizeof line, file)) {
    // Those that listen come first, and there may be very many of the others.
    const bool heading = out.empty();
    if (tcp && !heading && !std::string_view(line).starts_with(' ')) break;
    out += line;
    if (tcp && !heading && waiting_ports(std::string("\n") + line, true).empty()) break;
  }
  ::fclose(file);
  return out;
}

bool among(const std::vector<uint16_t>& ports, uint16_t port) {
  return std::find(ports.begin(), ports.end(), port) != ports.end();
}

struct Watch {
  HANDLE engine = nullptr;
  OnSystemPorts on_change;
  SystemPorts told;
  bool first = true;
};

// Lives as long as the process: programs may call while it ends.
struct Watches {
  std::mutex mutex;
  std::condition_variable changed;
  std::map<uint64_t, std::shared_ptr<Watch>> all;
  uint64_t last = 0, delivering = 0;
  bool running = false;
  std::atomic<pid_t> owner = 0;
  std::thread::id thread;

  void run();
  void tell(std::unique_lock<std::mutex>& lock, const SystemPorts& now);
  void begin();
  // In the child of a fork there is no thread, and the lock may be anybody's.
  bool foreign() const { return owner != 0 && owner != ::getpid(); }
};
Watches& watches() {
  static Watches* const all = new Watches;
  return *all;
}

void Watches::tell(std::unique_lock<std::mutex>& lock, const SystemPorts& now) {
  std::vector<uint64_t> due;
  for (const auto& [id, each] : all)
    if (each->first || each->told != now) due.push_back(id);
  for (const uint64_t id : due) {
    const auto at = all.find(id);
    if (at == all.end()) continue;
    const std::shared_ptr<Watch> watch = at->second;
    watch->told = now;
    watch->first = false;
    delivering = id;
    lock.unlock();
    watch->on_change(now);
    lock.lock();
    delivering = 0;
    changed.notify_all();
  }
}

void Watches::run() {
  std::unique_lock lock(mutex);
  thread = std::this_thread::get_id();
  while (!all.empty()) {
    lock.unlock();
    const auto now = system_ports();
    lock.lock();
    if (now) tell(lock, *now);
    if (!all.empty()) changed.wait_for(lock, kEvery);
  }
  running = false;
}

// The thread lives while somebody watches, with every signal blocked.
void Watches::begin() {
  if (running) return;
  running = true;
  sigset_t every, before;
  ::sigfillset(&every);
  ::pthread_sigmask(SIG_SETMASK, &every, &before);
  std::thread([this] { run(); }).detach();
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

}  // namespace

std::vector<uint16_t> waiting_ports(const std::string& table, bool tcp) {
  std::vector<uint16_t> out;
  std::istringstream lines(table);
  std::string line;
  std::getline(lines, line);  // the heading
  while (std::getline(lines, line)) {
    std::istringstream words(line);
    std::string number, local, remote, state;
    words >> number >> local >> remote >> state;
    const size_t colon = local.rfind(':');
    if (state.empty() || colon == std::string::npos) continue;
    if (::strtoul(state.c_str(), nullptr, 16) != (tcp ? kTcpListen : kUdpUnconnected)) continue;
    const auto port = static_cast<uint16_t>(::strtoul(local.c_str() + colon + 1, nullptr, 16));
    if (!among(out, port)) out.push_back(port);
  }
  std::sort(out.begin(), out.end());
  return out;
}

SystemPorts system_ports_among(const std::vector<uint16_t>& tcp, const std::vector<uint16_t>& udp) {
  SystemPorts out;
  if (among(tcp, kOncRpc) || among(udp, kOncRpc)) out[FWPM_SYSTEM_PORT_RPC_EPMAP].push_back(kOncRpc);
  if (among(tcp, kDceRpc)) out[FWPM_SYSTEM_PORT_RPC_EPMAP].push_back(kDceRpc);
  if (among(udp, kTeredo)) out[FWPM_SYSTEM_PORT_TEREDO].push_back(kTeredo);
  return out;
}

std::optional<SystemPorts> system_ports() {
  std::vector<uint16_t> tcp, udp;
  const auto take = [](const char* name, bool is_tcp, std::vector<uint16_t>& into) {
    const auto table = read_table(name, is_tcp);
    if (!table) return false;
    for (const uint16_t port : waiting_ports(*table, is_tcp)) into.push_back(port);
    return true;
  };
  if (!take("tcp", true, tcp) || !take("udp", false, udp)) return std::nullopt;
  (void)take("tcp6", true, tcp);  // a host may be without IPv6
  (void)take("udp6", false, udp);
  return system_ports_among(tcp, udp);
}

uint64_t watch_system_ports(HANDLE engine, SystemPorts now, OnSystemPorts on_change) {
  Watches& w = watches();
  if (w.foreign()) return 0;
  const std::lock_guard lock(w.mutex);
  if (w.all.size() >= kMostWatches) return 0;
  w.owner = ::getpid();
  const uint64_t id = ++w.last;
  w.all[id] = std::make_shared<Watch>(Watch{engine, std::move(on_change), std::move(now), true});
  w.begin();
  w.changed.notify_all();
  return id;
}

bool stop_system_ports(uint64_t watch) {
  Watches& w = watches();
  if (w.foreign()) return false;
  std::unique_lock lock(w.mutex);
  if (w.all.erase(watch) == 0) return false;
  w.changed.notify_all();
  if (std::this_thread::get_id() != w.thread) w.changed.wait(lock, [&] { return w.delivering != watch; });
  return true;
}

void stop_system_ports_of(HANDLE engine) {
  Watches& w = watches();
  if (w.foreign()) return;
  std::vector<uint64_t> theirs;
  {
    const std::lock_guard lock(w.mutex);
    for (const auto& [id, each] : w.all)
      if (each->engine == engine) theirs.push_back(id);
  }
  for (const uint64_t id : theirs) (void)stop_system_ports(id);
}

}  // namespace sallyport::api::windows
