// The readers of the parts of a configuration file. Each adds to `settings` and to the errors of its section. Pure.
#pragma once
#include "config/section.h"

namespace sallyport::config {

void read_daemon(Section& section, DaemonSettings& out);
void read_device(Section& section, DeviceSettings& out);
void read_connection(Section& section, const std::string& name, Settings& settings);
// Requires: the connection's addresses are read; a child may mean them by leaving its own out.
void read_child(Section& section, const model::ConnectionPolicy& connection, model::ChildPolicy& out);
void read_shape(Section& section, model::ChildPolicy& out);  // after the mode and the protocol

void read_main_mode(Section& section, const std::string& name, Settings& settings);
void read_quick_mode(Section& section, const std::string& name, Settings& settings);
void read_tunnel(Section& section, const std::string& name, Settings& settings);
void read_filter(Section& section, Settings& settings);  // one entry of [[filter]]
void read_dos_protection(Section& section, const std::string& name, Settings& settings);
// [secure_sockets]; finish_secure_sockets comes when every [[filter]] is read.
void read_secure_sockets(Section& section, Settings& settings);
void finish_secure_sockets(Settings& settings);
void read_socket_callers(Section& section, std::vector<SocketCallerRule>& out);
// The key `auth` of policy that many peers share: files and kind under the name `credential`, in settings.
model::AuthPolicy::Kind read_shared_auth(Section& section, const std::string& credential, Settings& settings,
                                         std::string& secret_file);

// Tables of the users beside the machines (RFC 4739). Nothing: it is not there, or refused.
std::optional<model::LocalUser> read_local_user(Section& parent, std::string_view key, Settings& settings);
std::optional<model::RemoteUser> read_remote_user(Section& parent, std::string_view key, Settings& settings);
// The key `user` of quick mode policy, whose files are kept under the name `credential`.
std::optional<UserSettings> read_policy_user(Section& parent, const std::string& credential, Settings& settings);
// The same files under another name.
void repeat_policy_user(const std::string& credential, const std::string& other, Settings& settings);
void read_account_user(Section& section, Settings& settings);  // one entry of [[user]]
// The keys `certificate` and `key`. Nothing: neither stands there, which `must` refuses, or one is refused.
std::optional<CredentialFiles> read_certificate(Section& section, bool must);
bool read_anchors(Section& section, TrustFiles& out);          // the key `ca`
void read_certificates(Section& section, Settings& settings);  // [certificates]
// Each name once.
void add_credential(Settings& settings, const CredentialFiles& files);
void add_trust(Settings& settings, const TrustFiles& trust);

// What can be judged only when everything is read.
struct Origin {  // of a connection, to be named in errors
  std::string file;
  uint32_t line = 0;
};
void validate(Settings& settings, const std::vector<Origin>& origins, const Origin& main,
              std::vector<ConfigError>& errors);

void validate_filters(const Settings& settings, const std::vector<Origin>& origins, const Origin& main,
                      std::vector<ConfigError>& errors);

// Letters, digits, '-' and '_', at most 64: usable in commands and file names.
bool valid_name(std::string_view name);
bool read_proposals(Section& section, std::string_view key, model::Protocol protocol, model::Proposals& out);

}  // namespace sallyport::config
