// The status as JSON. docs/control-protocol.md lists the keys: they are only ever added.
#include "cli/verbs.h"

namespace sallyport::cli {

void put_status(Json& json, const ctl::StatusReply& status);

namespace {

void put(Json& json, const ctl::DaemonFacts& daemon) {
  json.object()
      .field("version", daemon.version)
      .field("pid", daemon.pid)
      .field("uptime_seconds", daemon.uptime_seconds);
  json.field("config_file", daemon.config_file).field("ike_port", uint64_t{daemon.ike_port});
  json.field("natt_port", uint64_t{daemon.natt_port}).field("split", daemon.split);
  json.field("native_esp", daemon.native_esp).field("key_log", daemon.key_log);
  json.field("fail_closed", daemon.fail_closed).field("fail_closed_note", daemon.fail_closed_note);
  json.key("device").object();
  json.field("type", daemon.device_type).field("name", daemon.device_name).field("mtu", daemon.device_mtu);
  json.field("addresses", daemon.device_addresses).field("packets_in", daemon.device_packets_in);
  json.field("packets_out", daemon.device_packets_out).close().close();
}

void put(Json& json, const ctl::ConfiguredConnection& connection) {
  json.object().field("name", connection.name).field("state", connection.state);
  json.field("local_addresses", connection.local_addrs).field("remote_addresses", connection.remote_addrs);
  json.field("local_id", connection.local_id).field("remote_id", connection.remote_id);
  json.field("proves_user", connection.proves_user).field("remote_user", connection.remote_user);
  json.field("proposals", connection.proposals).field("keep_up", connection.keep_up);
  json.field("last_error", connection.last_error).maybe("retry_seconds", connection.retry_in).key("children").array();
  for (const auto& child : connection.children) {
    json.object().field("name", child.name).field("start", child.start).field("state", child.state);
    json.field("local", child.local).field("remote", child.remote).field("proposals", child.proposals).close();
  }
  json.close().close();
}

void put(Json& json, const ctl::ChildSaEntry& sa) {
  json.object().field("connection", sa.connection).field("child", sa.child).field("state", sa.state);
  json.field("child_id", sa.child_id).field("spi_in", hex(sa.spi_in, 8)).field("spi_out", hex(sa.spi_out, 8));
  json.field("algorithms", sa.algorithms).field("mode", sa.mode).field("udp_encap", sa.udp_encap);
  json.field("peer_boundary", sa.peer_boundary).field("guaranteed_encryption", sa.guaranteed_encryption);
  json.field("protocol", sa.protocol)
      .field("esn", sa.esn)
      .field("provider", sa.provider)
      .maybe("resource", sa.resource);
  json.field("local", sa.local).field("remote", sa.remote);
  json.field("bytes_in", sa.bytes_in).field("packets_in", sa.packets_in);
  json.field("bytes_out", sa.bytes_out).field("packets_out", sa.packets_out).field("drops", sa.drops);
  json.field("installed_seconds", sa.installed_seconds).maybe("rekey_seconds", sa.rekey_in);
  json.maybe("expire_seconds", sa.expires_in).maybe("rekey_bytes", sa.rekey_bytes);
  json.maybe("rekey_packets", sa.rekey_packets).close();
}

void put(Json& json, const ctl::IkeSaEntry& sa) {
  json.object().field("connection", sa.connection).field("state", sa.state).field("ike_id", sa.ike_id);
  json.field("spi_i", hex(sa.spi_i, 16)).field("spi_r", hex(sa.spi_r, 16)).field("initiator", sa.initiator);
  json.field("local", sa.local.to_string()).field("remote", sa.remote.to_string());
  json.field("local_id", sa.local_id).field("remote_id", sa.remote_id);
  json.field("local_user", sa.local_user).field("remote_user", sa.remote_user);
  json.field("nat_local", sa.nat_local).field("nat_remote", sa.nat_remote).field("algorithms", sa.algorithms);
  json.field("established_seconds", sa.established_seconds).maybe("rekey_seconds", sa.rekey_in);
  json.key("children").array();
  for (const auto& child : sa.children) put(json, child);
  json.close().close();
}

void put_counters(Json& json, std::string_view name, const std::vector<ctl::Counter>& counters) {
  json.key(name).object();
  for (const auto& counter : counters) json.field(counter.name, counter.value);
  json.close();
}

}  // namespace

void put_status(Json& json, const ctl::StatusReply& status) {
  json.object().key("daemon");
  put(json, status.daemon);
  json.key("connections").array();
  for (const auto& connection : status.connections) put(json, connection);
  json.close().key("ike_sas").array();
  for (const auto& sa : status.ike_sas) put(json, sa);
  json.close();
  put_counters(json, "drops", status.drops);
  put_counters(json, "counters", status.counters);
  json.close();
}

}  // namespace sallyport::cli
