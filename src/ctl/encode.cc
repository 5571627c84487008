// Plain values to protobuf. One put() for each message of proto/control.proto, in its order.
#include <control.pb.h>

#include "base/secret.h"
#include "ctl/messages.h"
#include "ctl/wire_text.h"

namespace sallyport::ctl {

namespace {

namespace pb = sallyport::control::v1;

uint64_t to_milliseconds(Duration d) {
  return d <= Duration::zero() ? 0 : static_cast<uint64_t>(std::chrono::duration_cast<milliseconds>(d).count());
}

template <class Repeated>
void put_all(const std::vector<std::string>& texts, Repeated* out) {
  for (const auto& text : texts) *out->Add() = utf8(text);
}

void put(const Hello& in, pb::RequestFrame& frame) {
  auto* out = frame.mutable_hello();
  out->set_version_min(in.version_min);
  out->set_version_max(in.version_max);
  out->set_program(utf8(in.program));
}
void put(const Up& in, pb::RequestFrame& frame) {
  auto* out = frame.mutable_up();
  out->set_connection(utf8(in.connection));
  out->set_child(utf8(in.child));
  out->set_wait_milliseconds(to_milliseconds(in.wait));
}
void put(const Down& in, pb::RequestFrame& frame) {
  auto* out = frame.mutable_down();
  out->set_connection(utf8(in.connection));
  out->set_child(utf8(in.child));
  if (in.ike_id) out->set_ike_id(*in.ike_id);
}
void put(const Rekey& in, pb::RequestFrame& frame) {
  auto* out = frame.mutable_rekey();
  out->set_connection(utf8(in.connection));
  out->set_child(utf8(in.child));
  if (in.spi) out->set_spi(*in.spi);
}
void put(const Status& in, pb::RequestFrame& frame) { frame.mutable_status()->set_connection(utf8(in.connection)); }
void put(const Watch&, pb::RequestFrame& frame) { frame.mutable_watch(); }
void put(const Check& in, pb::RequestFrame& frame) { frame.mutable_check()->set_path(utf8(in.path)); }
void put(const Explain& in, pb::RequestFrame& frame) {
  auto* out = frame.mutable_explain();
  out->set_source(in.source.to_string());
  out->set_destination(in.destination.to_string());
  out->set_protocol(in.protocol);
  out->set_source_port(in.source_port);
  out->set_destination_port(in.destination_port);
  if (in.uid) out->set_user(*in.uid);
  for (const uint32_t gid : in.gids) out->add_groups(gid);
  out->set_program(utf8(in.program));
}
void put(const Log& in, pb::RequestFrame& frame) {
  auto* out = frame.mutable_log();
  out->set_level(utf8(in.level));
  out->set_lines(in.lines);
  out->set_follow(in.follow);
}
void put(const NetEvents& in, pb::RequestFrame& frame) { frame.mutable_net_events()->set_follow(in.follow); }
void put(const Version&, pb::RequestFrame& frame) { frame.mutable_version(); }
void put(const Ping& in, pb::RequestFrame& frame) {
  auto* out = frame.mutable_ping();
  out->set_address(in.address.to_string());
  if (in.source) out->set_source(in.source->to_string());
  out->set_count(in.count);
  out->set_size(in.size);
  out->set_interval_milliseconds(to_milliseconds(in.interval));
  out->set_timeout_milliseconds(to_milliseconds(in.timeout));
}
void put(const Reload&, pb::RequestFrame& frame) { frame.mutable_reload(); }
void put(const Cancel& in, pb::RequestFrame& frame) { frame.mutable_cancel()->set_id(in.id); }
void put(const ListPolicy& in, pb::RequestFrame& frame) {
  frame.mutable_list_policy()->set_what(static_cast<pb::ListPolicy::What>(in.what));
}
void put(const PolicyCall& in, pb::RequestFrame& frame) {
  auto* out = frame.mutable_policy_call();
  out->set_function(in.function);
  out->set_octets(in.octets.data(), in.octets.size());
}

void put(const PolicyAnswer& in, pb::ReplyFrame& frame) {
  auto* out = frame.mutable_policy_answer();
  out->set_code(in.code);
  out->set_index(in.index);
  out->set_octets(in.octets.data(), in.octets.size());
}
void put(const PolicyNotice& in, pb::ReplyFrame& frame) {
  frame.mutable_policy_notice()->set_octets(in.octets.data(), in.octets.size());
}
void put(const Done& in, pb::ReplyFrame& frame) {
  auto* out = frame.mutable_done();
  out->set_code(static_cast<pb::ResultCode>(in.code));
  out->set_sentence(utf8(in.sentence));
  out->set_ours(utf8(in.ours));
  out->set_peers(utf8(in.peers));
}
void put(const Welcome& in, pb::ReplyFrame& frame) {
  auto* out = frame.mutable_welcome();
  out->set_version(in.version);
  out->set_daemon_version(utf8(in.daemon_version));
}

void fill(const IpEndpoint& in, pb::Endpoint* out) {
  out->set_address(in.addr.to_string());
  out->set_port(in.port);
}
void fill(const ChildSaEntry& in, pb::ChildSa* out) {
  out->set_connection(utf8(in.connection));
  out->set_child(utf8(in.child));
  out->set_state(utf8(in.state));
  out->set_child_id(in.child_id);
  out->set_spi_in(in.spi_in);
  out->set_spi_out(in.spi_out);
  out->set_algorithms(utf8(in.algorithms));
  out->set_mode(utf8(in.mode));
  out->set_udp_encap(in.udp_encap);
  out->set_peer_boundary(in.peer_boundary);
  out->set_guaranteed_encryption(in.guaranteed_encryption);
  put_all(in.local, out->mutable_local());
  put_all(in.remote, out->mutable_remote());
  out->set_bytes_in(in.bytes_in);
  out->set_packets_in(in.packets_in);
  out->set_bytes_out(in.bytes_out);
  out->set_packets_out(in.packets_out);
  out->set_drops(in.drops);
  out->set_installed_seconds(in.installed_seconds);
  if (in.rekey_in) out->set_rekey_seconds(*in.rekey_in);
  if (in.expires_in) out->set_expire_seconds(*in.expires_in);
  if (in.rekey_bytes) out->set_rekey_bytes(*in.rekey_bytes);
  if (in.rekey_packets) out->set_rekey_packets(*in.rekey_packets);
  out->set_protocol(utf8(in.protocol));
  out->set_esn(in.esn);
  out->set_provider(in.provider);
  if (in.resource) out->set_resource(*in.resource);
}
void fill(const IkeSaEntry& in, pb::IkeSa* out) {
  out->set_connection(utf8(in.connection));
  out->set_state(utf8(in.state));
  out->set_ike_id(in.ike_id);
  out->set_spi_i(in.spi_i);
  out->set_spi_r(in.spi_r);
  out->set_initiator(in.initiator);
  fill(in.local, out->mutable_local());
  fill(in.remote, out->mutable_remote());
  out->set_local_id(utf8(in.local_id));
  out->set_remote_id(utf8(in.remote_id));
  out->set_local_user(utf8(in.local_user));
  out->set_remote_user(utf8(in.remote_user));
  out->set_nat_local(in.nat_local);
  out->set_nat_remote(in.nat_remote);
  out->set_algorithms(utf8(in.algorithms));
  out->set_established_seconds(in.established_seconds);
  if (in.rekey_in) out->set_rekey_seconds(*in.rekey_in);
  for (const auto& child : in.children) fill(child, out->add_children());
}
void fill(const ConfiguredChild& in, pb::ConfiguredChild* out) {
  out->set_name(utf8(in.name));
  out->set_start(utf8(in.start));
  out->set_state(utf8(in.state));
  put_all(in.local, out->mutable_local());
  put_all(in.remote, out->mutable_remote());
  out->set_proposals(utf8(in.proposals));
}
void fill(const ConfiguredConnection& in, pb::ConfiguredConnection* out) {
  out->set_name(utf8(in.name));
  out->set_state(utf8(in.state));
  put_all(in.local_addrs, out->mutable_local_addresses());
  put_all(in.remote_addrs, out->mutable_remote_addresses());
  out->set_local_id(utf8(in.local_id));
  out->set_remote_id(utf8(in.remote_id));
  out->set_proposals(utf8(in.proposals));
  out->set_proves_user(in.proves_user);
  out->set_remote_user(utf8(in.remote_user));
  out->set_keep_up(in.keep_up);
  out->set_last_error(utf8(in.last_error));
  if (in.retry_in) out->set_retry_seconds(*in.retry_in);
  for (const auto& child : in.children) fill(child, out->add_children());
}
void fill(const Counter& in, pb::Counter* out) {
  out->set_name(utf8(in.name));
  out->set_value(in.value);
}
void fill(const DaemonFacts& in, pb::DaemonFacts* out) {
  out->set_version(utf8(in.version));
  out->set_pid(in.pid);
  out->set_uptime_seconds(in.uptime_seconds);
  out->set_config_file(utf8(in.config_file));
  out->set_ike_port(in.ike_port);
  out->set_natt_port(in.natt_port);
  out->set_split(in.split);
  out->set_device_type(utf8(in.device_type));
  out->set_device_name(utf8(in.device_name));
  out->set_device_mtu(in.device_mtu);
  put_all(in.device_addresses, out->mutable_device_addresses());
  out->set_device_packets_in(in.device_packets_in);
  out->set_device_packets_out(in.device_packets_out);
  out->set_native_esp(in.native_esp);
  out->set_fail_closed(in.fail_closed);
  out->set_fail_closed_note(utf8(in.fail_closed_note));
  out->set_key_log(in.key_log);
}
void put(const StatusReply& in, pb::ReplyFrame& frame) {
  auto* out = frame.mutable_status();
  fill(in.daemon, out->mutable_daemon());
  for (const auto& connection : in.connections) fill(connection, out->add_connections());
  for (const auto& sa : in.ike_sas) fill(sa, out->add_ike_sas());
  for (const auto& drop : in.drops) fill(drop, out->add_drops());
  for (const auto& counter : in.counters) fill(counter, out->add_counters());
}
void put(const Event& in, pb::ReplyFrame& frame) {
  auto* out = frame.mutable_event();
  out->set_kind(utf8(in.kind));
  out->set_unix_milliseconds(in.unix_milliseconds);
  out->set_connection(utf8(in.connection));
  out->set_child(utf8(in.child));
  out->set_error(utf8(in.error));
  out->set_sentence(utf8(in.sentence));
  out->set_ours(utf8(in.ours));
  out->set_peers(utf8(in.peers));
  if (in.ike_id) out->set_ike_id(*in.ike_id);
  out->set_row(utf8(in.row));
  out->set_from_state(utf8(in.from));
  out->set_to_state(utf8(in.to));
}
void put(const LogLine& in, pb::ReplyFrame& frame) {
  auto* out = frame.mutable_log_line();
  out->set_unix_milliseconds(in.unix_milliseconds);
  out->set_level(utf8(in.level));
  out->set_text(utf8(in.text));
}
void put(const NetEvent& in, pb::ReplyFrame& frame) {
  auto* out = frame.mutable_net_event();
  out->set_unix_milliseconds(in.unix_milliseconds);
  out->set_type(utf8(in.type));
  out->set_local(utf8(in.local));
  out->set_remote(utf8(in.remote));
  out->set_protocol(in.protocol);
  out->set_local_port(in.local_port);
  out->set_remote_port(in.remote_port);
  out->set_code(in.code);
  out->set_point(utf8(in.point));
  out->set_role(utf8(in.role));
  out->set_filter(in.filter);
  out->set_layer(utf8(in.layer));
  out->set_spi(in.spi);
  out->set_local_name(utf8(in.local_name));
  out->set_remote_name(utf8(in.remote_name));
  out->set_direction(utf8(in.direction));
  out->set_sentence(utf8(in.sentence));
}
void put(const CheckReply& in, pb::ReplyFrame& frame) {
  auto* out = frame.mutable_check();
  put_all(in.files, out->mutable_files());
  for (const auto& problem : in.problems) {
    auto* one = out->add_problems();
    one->set_file(utf8(problem.file));
    one->set_line(problem.line);
    one->set_key(utf8(problem.key));
    one->set_sentence(utf8(problem.sentence));
  }
}
void put(const ExplainReply& in, pb::ReplyFrame& frame) {
  auto* out = frame.mutable_explain();
  out->set_action(utf8(in.action));
  out->set_connection(utf8(in.connection));
  out->set_child(utf8(in.child));
  out->set_entry(utf8(in.entry));
  out->set_spi_out(in.spi_out);
  out->set_sentence(utf8(in.sentence));
  for (const auto& layer : in.layers) {
    auto* one = out->add_layers();
    one->set_layer(utf8(layer.layer));
    one->set_action(utf8(layer.action));
    one->set_filter(layer.filter);
    one->set_name(utf8(layer.name));
    one->set_sentence(utf8(layer.sentence));
  }
}
void put(const PolicyListing& in, pb::ReplyFrame& frame) {
  auto* out = frame.mutable_policy_listing();
  for (const auto& row : in.rows) {
    auto* one = out->add_rows();
    one->set_number(row.number);
    one->set_key(utf8(row.key));
    one->set_name(utf8(row.name));
    one->set_layer(utf8(row.layer));
    one->set_sublayer(utf8(row.sublayer));
    one->set_weight(row.weight);
    one->set_action(utf8(row.action));
    one->set_raw_context(row.raw_context);
    put_all(row.conditions, one->mutable_conditions());
    one->set_context(utf8(row.context));
    one->set_provider(utf8(row.provider));
  }
}
void put(const VersionReply& in, pb::ReplyFrame& frame) {
  auto* out = frame.mutable_version();
  out->set_version(utf8(in.version));
  out->set_build(utf8(in.build));
  out->set_openssl(utf8(in.openssl));
  out->set_protocol(in.protocol);
}
void put(const PingAnswer& in, pb::ReplyFrame& frame) {
  auto* out = frame.mutable_ping();
  out->set_sequence(in.sequence);
  out->set_answered(in.answered);
  out->set_octets(in.octets);
  out->set_nanoseconds(in.nanoseconds);
  out->set_why(utf8(in.why));
}

template <class Frame>
Bytes serialised(const Frame& frame) {
  Bytes out(frame.ByteSizeLong());
  frame.SerializeWithCachedSizesToArray(out.data());
  return out;
}

}  // namespace

Bytes encode(const RequestFrame& frame) {
  pb::RequestFrame out;
  out.set_id(frame.id);
  std::visit([&](const auto& request) { put(request, out); }, frame.request);
  return serialised(out);
}

static void wipe_text(std::string& text) { wipe({reinterpret_cast<uint8_t*>(text.data()), text.size()}); }

Bytes encode(const ReplyFrame& frame) {
  pb::ReplyFrame out;
  out.set_id(frame.id);
  std::visit([&](const auto& reply) { put(reply, out); }, frame.reply);
  Bytes octets = serialised(out);
  // They may hold a secret, and the message does not wipe what it held.
  if (out.has_policy_answer()) wipe_text(*out.mutable_policy_answer()->mutable_octets());
  if (out.has_policy_notice()) wipe_text(*out.mutable_policy_notice()->mutable_octets());
  return octets;
}

}  // namespace sallyport::ctl
