// See privileges.h.
#include "daemon/privileges.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <thread>

#include "runtime/asked_packets.h"
#include "runtime/clock.h"
#include "runtime/control_server.h"
#include "runtime/entropy.h"
#include "runtime/path_filter.h"
#include "runtime/raw_socket.h"
#include "runtime/socket_lookup.h"
#include "runtime/socket_server.h"
#include "runtime/source_lookup.h"
#include "runtime/udp_socket.h"
#include "stack/filter_settings.h"
#include "stack/protection.h"

namespace sallyport::daemon {
namespace {

using config::DeviceSettings;
using runtime::Fd;

// A daemon that was killed holds its ports, its device and its control socket for a moment, while its processes end.
template <class Open>
auto open_patiently(const Open& open) {
  const auto busy = [](const Error& error) {
    return error.detail == EADDRINUSE || error.detail == EBUSY || error.code == Errc::conflict;
  };
  constexpr int kTries = 20;
  auto out = open();
  for (int i = 0; i < kTries && !out && busy(out.error()); ++i) {
    std::this_thread::sleep_for(milliseconds(50));
    out = open();
  }
  return out;
}

// The one that is held is the worker's to read from.
std::optional<runtime::SocketLookup> own_lookup() {
  auto fd = runtime::open_socket_lookup();
  if (!fd) return std::nullopt;
  return runtime::SocketLookup(std::move(*fd));
}

bool has_earlier_sockets() {
  auto lookup = own_lookup();
  return lookup && runtime::has_earlier_sockets(*lookup);
}

Fd open_log(const std::string& path) {
  return Fd(::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640));
}

runtime::TunPlan tun_plan(const config::Settings& settings) {
  const DeviceSettings& device = settings.device;
  runtime::TunPlan plan{device.name, device.mtu, {}, device.offloads, settings.daemon.workers};
  for (const IpAddr& address : device.addresses) plan.addresses.push_back({address, address.bits()});
  return plan;
}

bool asks_for_ah(const config::Settings& settings) {
  for (const auto& connection : settings.connections) {
    for (const auto& child : connection.children) {
      for (const auto& proposal : child.proposals) {
        if (proposal.protocol == model::Protocol::AH) return true;
      }
    }
  }
  return false;
}

std::string socket_calls_path(const config::Settings& settings) {
  if (!settings.secure_sockets.socket.empty()) return settings.secure_sockets.socket;
  const std::string& control = settings.daemon.control_socket;
  return control.substr(0, control.rfind('/') + 1) + "sockets.sock";
}

bool reflect_mark(const char* family) {
  const std::string path = std::string("/proc/sys/net/") + family + "/fwmark_reflect";
  const Fd fd(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  return fd && ::write(fd.get(), "1", 1) == 1;
}

// The same rules, whatever numbers their filters have: an engine that has lived longer counts on.
bool same_rules(stack::HostFilters a, stack::HostFilters b) {
  for (stack::HostFilters* each : {&a, &b}) {
    each->dosp.clear();  // a table of its own
    each->asked_under = each->asked_under != 0 ? 1 : 0;
    for (auto* layers : {&each->layers, &each->past_connections})
      for (auto& layer : *layers)
        for (auto& sublayer : layer.sublayers)
          for (auto& rule : sublayer) rule.filter = 0;
  }
  return a == b;
}

}  // namespace

Privileges::~Privileges() = default;

std::optional<std::string> Privileges::open_all(const config::Settings& settings) {
  settings_ = settings;
  const bool tun = settings.device.type == DeviceSettings::Type::tun;
  found_dosp_ = dosp_.present();
  if (tun) {
    found_closed_ = guard_.present();
    sockets_secured_ = found_closed_ && (settings.secure_sockets.enabled || has_earlier_sockets());
  }
  if (auto refused = protect(settings)) return refused;
  if (tun) {
    if (!not_enforced_.empty()) warnings_.push_back("clear packets are not kept out: " + not_enforced_);
  }
  if (auto refused = open_files(settings)) return refused;
  if (auto refused = open_sockets(settings)) return refused;
  if (auto refused = open_device(settings)) return refused;
  auto control = open_patiently(
      [&] { return runtime::open_control_socket(settings.daemon.control_socket, settings.daemon.control_group); });
  if (!control) return runtime::explain_control_socket(settings.daemon.control_socket, control.error());
  held_.control = std::move(*control);
  return open_socket_calls(settings);
}

std::optional<std::string> Privileges::open_socket_calls(const config::Settings& settings) {
  // Both also for policy that asks for users, which may come later. Without the log nothing that is asked about on its
  // way in is let pass.
  if (settings.device.type == DeviceSettings::Type::tun) {
    if (auto asked = runtime::open_asked_packets()) held_.asked_packets = std::move(*asked);
  }
  auto lookup = runtime::open_socket_lookup();
  if (!settings.secure_sockets.enabled) {
    if (lookup) held_.socket_lookup = std::move(*lookup);
    return std::nullopt;
  }
  const std::string path = socket_calls_path(settings);
  auto calls = runtime::open_socket_calls(path);
  if (!calls) return runtime::explain_control_socket(path, calls.error());
  if (!lookup) return runtime::explain("sockets cannot be looked up", lookup.error());
  held_.socket_calls = std::move(*calls);
  held_.socket_lookup = std::move(*lookup);
  // What the kernel answers to a protected packet without a socket goes the way it came.
  for (const char* name : {"ipv4", "ipv6"}) {
    if (!reflect_mark(name))
      warnings_.push_back(std::string("net.") + name +
                          ".fwmark_reflect cannot be set: answers to "
                          "protected packets without a socket are dropped");
  }
  return std::nullopt;
}

int Privileges::secure_socket(int socket, const runtime::SecuringWish& wish, uint64_t& cookie) {
  if (!held_.socket_calls) return EOPNOTSUPP;
  sockets_secured_ = true;
  return runtime::secure_socket(socket, held_.tun_index, wish, cookie);
}

std::vector<runtime::EarlierSocket> Privileges::take_earlier_sockets() {
  auto lookup = held_.socket_calls ? own_lookup() : std::nullopt;
  return lookup ? runtime::take_earlier_sockets(*lookup) : std::vector<runtime::EarlierSocket>();
}

std::optional<runtime::EarlierSocket> Privileges::find_earlier_socket(uint8_t protocol, const IpEndpoint& local,
                                                                      const IpEndpoint& remote) {
  auto lookup = held_.socket_calls ? own_lookup() : std::nullopt;
  return lookup ? runtime::find_earlier_socket(*lookup, protocol, local, remote) : std::nullopt;
}

runtime::OwnerAnswer Privileges::find_owner(const runtime::OwnerQuestion& question) {
  if (!owners_) {
    auto lookup = runtime::open_socket_lookup();
    if (!lookup) return {};
    owners_.emplace(std::move(*lookup));
  }
  return owners_->find(runtime::monotonic_now(), question);
}

std::optional<std::string> Privileges::open_files(const config::Settings& settings) {
  if (!settings.daemon.log.file.empty()) {
    held_.log_file = open_log(settings.daemon.log.file);
    if (!held_.log_file)
      return runtime::explain("the log file " + settings.daemon.log.file + " cannot be opened",
                              runtime::fail_errno().value());
  }
  if (!settings.daemon.key_log.empty()) {
    auto files = runtime::open_key_log(settings.daemon.key_log);
    if (!files)
      return runtime::explain("the key log in " + settings.daemon.key_log + " cannot be opened", files.error());
    held_.key_log_ike = std::move(files->ike);
    held_.key_log_esp = std::move(files->esp);
    held_.key_log_esp_other = std::move(files->esp_other);
    warnings_.push_back("session keys are written to " + settings.daemon.key_log +
                        ": whoever reads them reads the traffic");
  }
  return std::nullopt;
}

std::optional<std::string> Privileges::open_sockets(const config::Settings& settings) {
  runtime::SocketOptions options;
  // Only routes into a TUN device need the mark that our own packets are known by.
  if (settings.device.type == DeviceSettings::Type::tun) options.mark = runtime::kOwnMark;
  options.offloads = settings.daemon.udp_offloads;
  for (const Family family : {Family::v4, Family::v6}) {
    for (const bool natt : {false, true}) {
      const uint16_t port = natt ? settings.daemon.natt_port : settings.daemon.ike_port;
      const IpEndpoint bind_to{IpAddr::any(family), port};
      // IKE fragments as it likes; ESP follows the path.
      options.fragments = runtime::FragmentPolicy::allow;
      options.shared_port = natt;
      auto socket = open_patiently([&] { return runtime::open_udp_socket(bind_to, options); });
      if (socket) {
        const bool trains = options.offloads && runtime::takes_trains(*socket);
        held_.udp.push_back({std::move(*socket), family, natt, port, trains, runtime::UdpDescriptor::kKeying});
        if (natt) {
          if (auto refused = share_port(bind_to, options, trains)) return refused;
        }
      } else if (family == Family::v6 &&
                 (socket.error().detail == EAFNOSUPPORT || socket.error().detail == EADDRNOTAVAIL)) {
        continue;  // a host without IPv6
      } else {
        return runtime::explain_udp(bind_to, socket.error());
      }
    }
  }
  if (auto lookup = runtime::open_source_lookup()) {
    held_.route_lookup = std::move(*lookup);
  } else {
    warnings_.push_back(runtime::explain("routes cannot be looked up", lookup.error()) +
                        ": connections without local.address use UDP encapsulation");
  }
  return open_raw_sockets(settings, options);
}

// A socket for each packet worker beside the one for IKE, which so has a queue of its own that no flood of ESP fills.
// Where the kernel does not steer, packets cross from thread to thread.
std::optional<std::string> Privileges::share_port(const IpEndpoint& bind_to, runtime::SocketOptions options,
                                                  bool trains) {
  options.fragments = runtime::FragmentPolicy::discover;
  const unsigned workers = settings_.daemon.workers;
  for (unsigned i = 0; i < workers; ++i) {
    auto socket = runtime::open_udp_socket(bind_to, options);
    if (!socket) return runtime::explain_udp(bind_to, socket.error());
    held_.udp.push_back(
        {std::move(*socket), bind_to.addr.family(), true, bind_to.port, trains, static_cast<uint8_t>(i)});
  }
  if (auto steered = runtime::steer_by_spi(held_.udp.back().fd, workers); !steered) {
    warnings_.push_back(runtime::explain("the kernel does not tell ESP from IKE, nor bring it to the worker of its SA",
                                         steered.error()));
    return std::nullopt;
  }
  if (workers == 1) open_spares(bind_to, options, trains);
  return std::nullopt;
}

// For peers of their own (runtime/peer_sockets.h). Until one is connected the steering brings it nothing; with several
// workers a connected one would take a peer's packets past it.
void Privileges::open_spares(const IpEndpoint& bind_to, const runtime::SocketOptions& options, bool trains) {
  constexpr int kSpares = 4;
  for (int i = 0; i < kSpares; ++i) {
    auto socket = runtime::open_udp_socket(bind_to, options);
    if (!socket) return;
    held_.udp.push_back(
        {std::move(*socket), bind_to.addr.family(), true, bind_to.port, trains, runtime::UdpDescriptor::kSpare});
  }
}

std::optional<std::string> Privileges::open_raw_sockets(const config::Settings& settings,
                                                        runtime::SocketOptions options) {
  using runtime::RawUse;
  struct Wanted {
    RawUse use;
    Fd& v4;
    Fd& v6;
    const char* without;
    bool needed;
  };
  const bool ah = asks_for_ah(settings);
  const Wanted all[] = {
      {RawUse::esp, held_.esp_v4, held_.esp_v6, ": ESP can only travel in UDP", false},
      {RawUse::ah, held_.ah_v4, held_.ah_v6, "", ah},
      {RawUse::whole, held_.whole_v4, held_.whole_v6, ": packets with IP options or fragments cannot be sent", ah},
      {RawUse::icmp_errors, held_.icmp_v4, held_.icmp_v6, ": smaller links on the way are not noticed", false},
  };
  options.fragments = runtime::FragmentPolicy::discover;
  for (const Wanted& wanted : all) {
    for (const Family family : {Family::v4, Family::v6}) {
      // The kernel takes what an error says for a route with the mark of whoever hears it. Errors from our own device
      // are about inner packets, which have none.
      auto own = options;
      if (wanted.use == RawUse::icmp_errors) own.mark = 0;
      auto socket = runtime::open_raw_socket(wanted.use, family, own);
      if (socket) {
        (family == Family::v4 ? wanted.v4 : wanted.v6) = std::move(*socket);
        continue;
      }
      if (family == Family::v6) continue;  // a host without IPv6
      const std::string refused = runtime::explain_raw(wanted.use, socket.error());
      if (wanted.needed) return refused + ", and AH is configured";
      // One sentence is enough where nothing of this is allowed.
      if (wanted.use == RawUse::esp || held_.esp_v4) warnings_.push_back(refused + wanted.without);
    }
  }
  return std::nullopt;
}

std::optional<std::string> Privileges::open_device(const config::Settings& settings) {
  if (settings.device.type != DeviceSettings::Type::tun) return std::nullopt;
  const runtime::TunPlan plan = tun_plan(settings);
  auto device = open_patiently([&] { return runtime::open_tun(plan); });
  if (!device) return runtime::explain_tun(plan, device.error());
  held_.tun = std::move(device->fd);
  held_.tun_more = std::move(device->more);
  held_.tun_name = device->name;
  held_.tun_index = device->interface_index;
  held_.tun_vnet_header = device->vnet_header;
  auto table = runtime::RouteTable::open();
  if (!table) return runtime::explain("routes cannot be set", table.error());
  routes_.emplace(std::move(*table));
  (void)runtime::loosen_path_filter(held_.tun_index);  // matters only where port rules lead apart
  warn_of_strict_paths(settings);
  if (auto links = runtime::LinkWatch::open()) links_.emplace(std::move(*links));
  return set_routes(settings);
}

// A child that protects the peer's own outer address leads the way back to it into the device.
void Privileges::warn_of_strict_paths(const config::Settings& settings) {
  const auto names_peer = [](const model::ConnectionPolicy& connection) {
    for (const auto& text : connection.remote_addrs) {
      const auto address = IpAddr::parse(text);
      if (!address || address->is_v6()) continue;
      for (const auto& child : connection.children) {
        const auto holds = [&](const model::Selector& s) {
          return s.family() == Family::v4 && !(*address < s.first) && !(s.last < *address);
        };
        if (std::any_of(child.remote.begin(), child.remote.end(), holds)) return true;
      }
    }
    return false;
  };
  if (std::none_of(settings.connections.begin(), settings.connections.end(), names_peer)) return;
  for (const auto& name : runtime::strict_path_interfaces()) {
    if (name == held_.tun_name) continue;
    warnings_.push_back("strict reverse path filtering on " + name +
                        " drops ESP of a peer whose own address is protected: set net.ipv4.conf." + name +
                        ".rp_filter = 2");
  }
}

std::optional<std::string> Privileges::set_routes(const config::Settings& settings) {
  if (!routes_) return std::nullopt;
  auto plan = runtime::capture_plan(stack::spd_entries(settings.connections), runtime::host_addresses());
  plan.marked = marked_families();
  if (auto done = routes_->set(plan, held_.tun_index); !done)
    return runtime::explain("routes cannot be set", done.error());
  return std::nullopt;
}

std::optional<std::string> Privileges::protect(const config::Settings& settings) {
  // What programs have asked for stays until the engine says otherwise.
  if (auto refused = apply_dosp(settings, filters_.dosp)) return refused;
  auto refused = protect_clear(settings);
  if (refused) (void)apply_dosp(settings_, filters_.dosp);
  return refused;
}

std::optional<std::string> Privileges::apply_dosp(const config::Settings& settings,
                                                  const std::vector<stack::DospSetting>& more) {
  std::vector<stack::DospSetting> all;
  for (const auto& each : settings.dos_protection) all.push_back(stack::dosp_setting(each));
  all.insert(all.end(), more.begin(), more.end());
  // Whoever has never had any needs no nft, but an earlier life may have left a table.
  if (all.empty() && !dosp_.in_force() && !found_dosp_) return std::nullopt;
  const auto refused = dosp_.apply(std::move(all));
  if (!refused) return std::nullopt;
  return "IPsec DoS protection cannot be enforced: " + *refused;
}

std::optional<policy::DospReport> Privileges::dosp_report() const {
  return dosp_.in_force() ? dosp_.report() : std::nullopt;
}

std::optional<std::string> Privileges::protect_clear(const config::Settings& settings) {
  using Enforce = config::FailClosedSettings::Enforce;
  if (settings_.device.type != DeviceSettings::Type::tun) return std::nullopt;
  const auto& closed = settings.daemon.fail_closed;
  runtime::SystemRng rng;
  auto configured = stack::host_filters_of(settings.filters, settings.connections, rng);
  if (!configured) return configured.error();
  if (closed.enforce == Enforce::off) {
    if (settings.secure_sockets.enabled)
      return "secure_sockets need the packet filter, which fail_closed = { enforce = \"off\" } switches off";
    if (!configured->empty())
      return "filters need the packet filter, which fail_closed = { enforce = \"off\" } switches off";
    guard_.remove();
    not_enforced_ = "switched off by the configuration";
    return std::nullopt;
  }
  // The configuration's filters are in force before the engine is asked. What programs have added to them only the
  // engine knows: then its plan is waited for, and the one in force stays until it comes.
  const bool others = !same_rules(filters_, configured_filters_);
  stack::HostFilters filters = others ? filters_ : *configured;
  filters.dosp = filters_.dosp;
  auto refused = apply_guard(settings, filters);
  if (refused && !filters.empty()) return "the filters cannot be enforced: " + *refused;
  if (refused && closed.enforce == Enforce::require) {
    return "clear packets cannot be kept out: " + *refused +
           " (fail_closed = { enforce = \"warn\" } in [daemon] does without)";
  }
  filters_ = filters;
  configured_filters_ = std::move(*configured);
  not_enforced_ = refused.value_or(std::string());
  return std::nullopt;
}

// What a daemon before this one has let pass is asked about again, as far as chance allows.
uint8_t Privileges::next_let_pass() {
  constexpr uint8_t kMost = 254;
  if (let_pass_ == 0) {
    runtime::SystemRng rng;
    rng.fill(MutableBytes(&let_pass_, 1));
  }
  let_pass_ = static_cast<uint8_t>(let_pass_ % kMost + 1);
  return let_pass_;
}

std::optional<std::string> Privileges::apply_guard(const config::Settings& settings,
                                                   const stack::HostFilters& filters) {
  runtime::GuardPlan plan;
  plan.protection = stack::protection_of(settings.connections, settings.daemon.fail_closed.refuse_other_family);
  plan.device = settings_.device.name;
  plan.ike_port = settings_.daemon.ike_port;
  plan.natt_port = settings_.daemon.natt_port;
  plan.filters = filters;
  plan.let_pass = next_let_pass();
  plan.device_mtu = settings_.device.mtu;
  // Sockets of before stay secured ones when nobody may secure any more.
  plan.secure_sockets = settings.secure_sockets.enabled || sockets_secured_;
  return guard_.apply(std::move(plan));
}

std::optional<std::string> Privileges::set_filters(stack::HostFilters filters) {
  std::optional<std::string> no_dosp;
  if (filters.dosp != filters_.dosp) {
    no_dosp = apply_dosp(settings_, filters.dosp);
    if (!no_dosp) filters_.dosp = filters.dosp;
  }
  // Refused or not: it keeps nothing else from being enforced.
  filters.dosp = filters_.dosp;
  auto refused = set_clear_filters(std::move(filters));
  return refused ? refused : no_dosp;
}

std::optional<std::string> Privileges::set_clear_filters(stack::HostFilters filters) {
  if (settings_.device.type != DeviceSettings::Type::tun || filters == filters_) return std::nullopt;
  if (settings_.daemon.fail_closed.enforce == config::FailClosedSettings::Enforce::off)
    return "filters need the packet filter, which fail_closed = { enforce = \"off\" } switches off";
  if (auto refused = apply_guard(settings_, filters)) return "the filters cannot be enforced: " + *refused;
  filters_ = std::move(filters);
  return set_routes(settings_);
}

std::vector<Family> Privileges::marked_families() const {
  std::vector<Family> out;
  for (const Family family : {Family::v4, Family::v6})
    if (settings_.secure_sockets.enabled || filters_.find(stack::Point::outbound_transport, family) != nullptr ||
        filters_.find(stack::Point::ipforward, family) != nullptr ||
        filters_.asks(stack::Point::ale_auth_connect, family))
      out.push_back(family);
  return out;
}

std::optional<std::string> Privileges::follow_links() {
  if (!links_ || !links_->drain()) return std::nullopt;
  return set_routes(settings_);
}

runtime::GuardReport Privileges::guard_report() const {
  runtime::GuardReport out;
  if (const auto dosp = dosp_report()) out.dosp = dosp->statistics;
  out.dosp_lost = dosp_.in_force() && !out.dosp;
  if (settings_.device.type != DeviceSettings::Type::tun) {
    out.sentence = "the internal device keeps its packets off the host's network";
    return out;
  }
  out.sentence = not_enforced_;
  out.enforced = not_enforced_.empty();
  if (!out.enforced) return out;
  const auto counters = guard_.counters();
  if (counters) {
    out.counters = *counters;
  } else {
    out.enforced = false;
    out.sentence = "somebody has removed the packet filter; a reload puts it back";
  }
  return out;
}

std::vector<std::string> Privileges::reconcile(const config::Settings& settings) {
  std::vector<std::string> sentences;
  const auto& was = settings_.daemon;
  const auto& is = settings.daemon;
  if (was.ike_port != is.ike_port || was.natt_port != is.natt_port || was.control_socket != is.control_socket ||
      was.control_group != is.control_group || was.user != is.user || was.split != is.split ||
      was.key_log != is.key_log || was.prefer_udp != is.prefer_udp || !(settings_.device == settings.device) ||
      settings_.secure_sockets.enabled != settings.secure_sockets.enabled) {
    sentences.push_back(
        "ports, prefer_udp, control socket, user, key log, device and whether there are secure_sockets change only "
        "with a restart");
  }
  if (!is.log.file.empty()) {
    if (Fd file = open_log(is.log.file)) {
      held_.log_file = std::move(file);
    } else {
      sentences.push_back("the log file " + is.log.file + " cannot be opened; lines go where they went");
    }
  } else {
    held_.log_file.reset();
  }
  if (auto refused = set_routes(settings)) sentences.push_back(std::move(*refused));
  const auto fixed_daemon = settings_.daemon;
  const auto fixed_device = settings_.device;
  const auto fixed_sockets = settings_.secure_sockets;
  settings_ = settings;
  settings_.daemon = fixed_daemon;
  settings_.daemon.log = settings.daemon.log;
  settings_.daemon.fail_closed = settings.daemon.fail_closed;
  settings_.device = fixed_device;
  settings_.secure_sockets = fixed_sockets;
  return sentences;
}

runtime::Descriptors Privileges::share() const { return held_.duplicate(); }

void Privileges::remove_all(End end) {
  using AfterStop = config::FailClosedSettings::AfterStop;
  bool stay_closed = settings_.daemon.fail_closed.after_stop == AfterStop::closed || end == End::failed;
  if (end == End::refused) stay_closed = found_closed_;
  if (dosp_.in_force() && (end == End::refused ? !found_dosp_ : !stay_closed)) dosp_.remove();
  links_.reset();
  if (stay_closed) {
    // Dead ends stay behind the routes into the device, which goes.
    auto plan = runtime::capture_plan(stack::spd_entries(settings_.connections), {});
    plan.marked = marked_families();
    if (routes_) (void)routes_->set(plan, 0);
  } else {
    if (routes_) (void)routes_->clear();
    // What programs have secured stays secured, whatever they do with it.
    if (sockets_secured_) {
      guard_.keep_sockets_shut();
    } else if (settings_.device.type == DeviceSettings::Type::tun) {
      guard_.remove();
    }
  }
  routes_.reset();
  if (held_.control) (void)::unlink(settings_.daemon.control_socket.c_str());
  if (held_.socket_calls) (void)::unlink(socket_calls_path(settings_).c_str());
  held_ = {};
}

std::optional<std::string> remove_protection() {
  auto table = runtime::RouteTable::open();
  if (!table) return runtime::explain("routes cannot be removed", table.error());
  if (auto done = table->clear(); !done) return runtime::explain("routes cannot be removed", done.error());
  runtime::NftGuard guard;
  guard.remove();
  runtime::NftDosp dosp;
  dosp.remove();
  if (guard.present() || dosp.present()) return "the packet filter cannot be removed without root or CAP_NET_ADMIN";
  return std::nullopt;
}

}  // namespace sallyport::daemon
