// What only the parent may do, and does from its own copy of the settings: open sockets, the TUN device, log and key
// files and the control socket, set routes and the packet filter. It keeps every descriptor, so that they, the device
// and its routes outlive a worker; the packet filter outlives even the parent. docs/fail-closed.md. One thread.
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "config/settings.h"
#include "runtime/descriptors.h"
#include "runtime/earlier_socket.h"
#include "runtime/guard_report.h"
#include "runtime/key_log.h"
#include "runtime/link_watch.h"
#include "runtime/nft_dosp.h"
#include "runtime/nft_guard.h"
#include "runtime/routes_linux.h"
#include "runtime/secured_socket.h"
#include "runtime/socket_owners.h"
#include "runtime/tun_device.h"
#include "runtime/udp_socket.h"

namespace sallyport::daemon {

class Privileges {
 public:
  ~Privileges();
  // Opens all that the settings ask for. The sentence of the first refusal, or nothing. With a TUN device the packet
  // filter comes before everything else, and the routes stand before this returns: what is protected meets the device,
  // where there is no SA yet, and not the wire.
  std::optional<std::string> open_all(const config::Settings& settings);
  // The first step of a reload: the packet filter for these settings. A sentence when protection cannot be enforced and
  // must be; then nothing has changed.
  std::optional<std::string> protect(const config::Settings& settings);
  // What the filter engine in force asks of the packet filter. A sentence when that cannot be done; the rules are then
  // as they were.
  std::optional<std::string> set_filters(stack::HostFilters filters);
  // After that: routes and log files. Sentences for what could not be done or needs a restart.
  std::vector<std::string> reconcile(const config::Settings& settings);
  // Links and addresses come and go: when links_fd() (-1: none) can be read. A sentence for what could not be done.
  int links_fd() const { return links_ ? links_->fd() : -1; }
  std::optional<std::string> follow_links();
  // runtime::secure_socket() with our device. EOPNOTSUPP: not configured.
  int secure_socket(int socket, const runtime::SecuringWish& wish, uint64_t& cookie);
  // earlier_socket.h; nothing where programs may not secure sockets.
  std::vector<runtime::EarlierSocket> take_earlier_sockets();
  std::optional<runtime::EarlierSocket> find_earlier_socket(uint8_t protocol, const IpEndpoint& local,
                                                            const IpEndpoint& remote);
  // socket_owners.h.
  runtime::OwnerAnswer find_owner(const runtime::OwnerQuestion& question);
  runtime::GuardReport guard_report() const;
  // What IPsec DoS protection has done; nothing where no setting of it is in force.
  std::optional<policy::DospReport> dosp_report() const;
  runtime::Descriptors share() const;  // duplicates, for a worker
  std::vector<std::string> warnings() const { return warnings_; }
  // The control socket is removed, and routes, rules and packet filter as the end was: asked for, as after_stop says; a
  // start that was refused leaves them as they were found; what failed leaves the host closed, as a crash does.
  enum class End { asked, refused, failed };
  void remove_all(End end);

 private:
  std::optional<std::string> open_sockets(const config::Settings& settings);
  std::optional<std::string> share_port(const IpEndpoint& bind_to, runtime::SocketOptions options, bool trains);
  void open_spares(const IpEndpoint& bind_to, const runtime::SocketOptions& options, bool trains);
  std::optional<std::string> open_raw_sockets(const config::Settings& settings, runtime::SocketOptions options);
  std::optional<std::string> open_device(const config::Settings& settings);
  std::optional<std::string> open_files(const config::Settings& settings);
  std::optional<std::string> open_socket_calls(const config::Settings& settings);
  std::optional<std::string> set_routes(const config::Settings& settings);
  std::vector<Family> marked_families() const;
  std::optional<std::string> protect_clear(const config::Settings& settings);
  std::optional<std::string> set_clear_filters(stack::HostFilters filters);
  std::optional<std::string> apply_dosp(const config::Settings& settings, const std::vector<stack::DospSetting>& more);
  std::optional<std::string> apply_guard(const config::Settings& settings, const stack::HostFilters& filters);
  uint8_t next_let_pass();
  void warn_of_strict_paths(const config::Settings& settings);

  config::Settings settings_;
  runtime::Descriptors held_;
  std::optional<runtime::RouteTable> routes_;
  std::optional<runtime::LinkWatch> links_;
  runtime::NftGuard guard_;
  runtime::NftDosp dosp_;
  std::optional<runtime::SocketOwners> owners_;  // when first asked
  uint8_t let_pass_ = 0;                         // FilterRulesPlan::let_pass, in force; 0: not chosen yet
  stack::HostFilters filters_;                   // in the packet filter
  stack::HostFilters configured_filters_;        // what the settings alone amount to
  std::string not_enforced_;                     // why the packet filter is not in place
  bool found_closed_ = false;                    // an earlier life's packet filter was there
  bool found_dosp_ = false;                      // and its table of IPsec DoS protection
  bool sockets_secured_ = false;                 // in this life; or perhaps before
  std::vector<std::string> warnings_;
};

// What an ended daemon left closed is opened: packet filter, rules, routes. Nothing, or why not.
std::optional<std::string> remove_protection();

}  // namespace sallyport::daemon
