// What only the parent may do, and does from its own copy of the settings: open sockets, the TUN device, log and key
// files and the control socket, and set routes. It keeps every descriptor, so that they, the device and its routes
// outlive a worker. One thread.
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "config/settings.h"
#include "runtime/descriptors.h"
#include "runtime/key_log.h"
#include "runtime/routes_linux.h"
#include "runtime/tun_device.h"

namespace sallyport::daemon {

class Privileges {
 public:
  ~Privileges();
  // Opens all that the settings ask for. The sentence of the first refusal, or nothing. With a TUN device the routes
  // stand before this returns: what is protected meets the device, where there is no SA yet, and not the wire.
  std::optional<std::string> open_all(const config::Settings& settings);
  // After a reload: routes and log files. Sentences for what could not be done or needs a restart.
  std::vector<std::string> reconcile(const config::Settings& settings);
  runtime::Descriptors share() const;  // duplicates, for a worker
  std::vector<std::string> warnings() const { return warnings_; }
  // A clean end: routes, rules and the control socket are removed. Not called after a crash, which fails closed.
  void remove_all();

 private:
  std::optional<std::string> open_sockets(const config::Settings& settings);
  std::optional<std::string> open_device(const config::Settings& settings);
  std::optional<std::string> open_files(const config::Settings& settings);
  std::optional<std::string> set_routes(const config::Settings& settings);

  config::Settings settings_;
  runtime::Descriptors held_;
  std::optional<runtime::RouteTable> routes_;
  std::vector<std::string> warnings_;
};

}  // namespace sallyport::daemon
