// protobuf to plain values. One take() for each message of proto/control.proto, in its order. What arrives is checked
// here: addresses parse, ports and protocol numbers are in range, texts are not absurdly long.
#include <control.pb.h>
#include <google/protobuf/stubs/logging.h>

#include <limits>

#include "ctl/messages.h"

namespace sallyport::ctl {

namespace {

namespace pb = sallyport::control::v1;

constexpr size_t kMaxNameOctets = 256;
constexpr size_t kMaxPathOctets = 4096;
constexpr uint64_t kMaxMilliseconds = 1000ull * 3600 * 24 * 365;

Result<Duration> take_duration(uint64_t ms) {
  if (ms > kMaxMilliseconds) return fail(Errc::bad_value);
  return Duration(milliseconds(static_cast<int64_t>(ms)));
}
Result<uint16_t> take_u16(uint32_t value) {
  if (value > 65535) return fail(Errc::bad_value, value);
  return static_cast<uint16_t>(value);
}
Result<std::string> take_name(const std::string& text, size_t limit = kMaxNameOctets) {
  if (text.size() > limit) return fail(Errc::bad_length);
  if (text.find('\0') != std::string::npos) return fail(Errc::bad_value);
  return text;
}
template <class Repeated>
std::vector<std::string> take_all(const Repeated& in) {
  return {in.begin(), in.end()};
}

Result<Request> take(const pb::Hello& in) {
  SP_TRY(std::string program, take_name(in.program()));
  if (in.version_min() > in.version_max()) return fail(Errc::bad_value);
  return Hello{in.version_min(), in.version_max(), std::move(program)};
}
Result<Request> take(const pb::Up& in) {
  Up out;
  SP_TRY(out.connection, take_name(in.connection()));
  SP_TRY(out.child, take_name(in.child()));
  SP_TRY(out.wait, take_duration(in.wait_milliseconds()));
  return out;
}
Result<Request> take(const pb::Down& in) {
  Down out;
  SP_TRY(out.connection, take_name(in.connection()));
  SP_TRY(out.child, take_name(in.child()));
  if (in.has_ike_id()) out.ike_id = in.ike_id();
  return out;
}
Result<Request> take(const pb::Rekey& in) {
  Rekey out;
  SP_TRY(out.connection, take_name(in.connection()));
  SP_TRY(out.child, take_name(in.child()));
  if (in.has_spi()) out.spi = in.spi();
  return out;
}
Result<Request> take(const pb::Status& in) {
  SP_TRY(std::string connection, take_name(in.connection()));
  return Status{std::move(connection)};
}
Result<Request> take(const pb::Check& in) {
  SP_TRY(std::string path, take_name(in.path(), kMaxPathOctets));
  return Check{std::move(path)};
}
Result<Request> take(const pb::Explain& in) {
  Explain out;
  SP_TRY(out.source, IpAddr::parse(in.source()));
  SP_TRY(out.destination, IpAddr::parse(in.destination()));
  if (out.source.family() != out.destination.family() || in.protocol() > 255) return fail(Errc::bad_value);
  out.protocol = static_cast<uint8_t>(in.protocol());
  SP_TRY(out.source_port, take_u16(in.source_port()));
  SP_TRY(out.destination_port, take_u16(in.destination_port()));
  if (in.has_user()) out.uid = in.user();
  out.gids.assign(in.groups().begin(), in.groups().end());
  out.program = in.program();
  return out;
}
Result<Request> take(const pb::Log& in) {
  SP_TRY(std::string level, take_name(in.level()));
  return Log{std::move(level), in.lines(), in.follow()};
}
Result<Request> take(const pb::Ping& in) {
  Ping out;
  SP_TRY(out.address, IpAddr::parse(in.address()));
  if (!in.source().empty()) {
    SP_TRY(IpAddr source, IpAddr::parse(in.source()));
    if (source.family() != out.address.family()) return fail(Errc::bad_value);
    out.source = source;
  }
  out.count = in.count();
  if (in.size() > 65000) return fail(Errc::bad_value, in.size());
  out.size = in.size();
  SP_TRY(out.interval, take_duration(in.interval_milliseconds()));
  SP_TRY(out.timeout, take_duration(in.timeout_milliseconds()));
  return out;
}

Result<Request> take(const pb::ListPolicy& in) {
  if (in.what() < 0 || in.what() > static_cast<int>(ListPolicy::What::contexts)) return fail(Errc::bad_value);
  return ListPolicy{static_cast<ListPolicy::What>(in.what())};
}

Bytes take_octets(const std::string& in) { return {in.begin(), in.end()}; }

Result<Request> take_request(const pb::RequestFrame& frame) {
  switch (frame.request_case()) {
    case pb::RequestFrame::kHello: return take(frame.hello());
    case pb::RequestFrame::kUp: return take(frame.up());
    case pb::RequestFrame::kDown: return take(frame.down());
    case pb::RequestFrame::kRekey: return take(frame.rekey());
    case pb::RequestFrame::kStatus: return take(frame.status());
    case pb::RequestFrame::kWatch: return Request(Watch{});
    case pb::RequestFrame::kCheck: return take(frame.check());
    case pb::RequestFrame::kExplain: return take(frame.explain());
    case pb::RequestFrame::kLog: return take(frame.log());
    case pb::RequestFrame::kVersion: return Request(Version{});
    case pb::RequestFrame::kPing: return take(frame.ping());
    case pb::RequestFrame::kReload: return Request(Reload{});
    case pb::RequestFrame::kCancel: return Request(Cancel{frame.cancel().id()});
    case pb::RequestFrame::kListPolicy: return take(frame.list_policy());
    case pb::RequestFrame::kNetEvents: return Request(NetEvents{frame.net_events().follow()});
    case pb::RequestFrame::kPolicyCall:
      return Request(PolicyCall{frame.policy_call().function(), take_octets(frame.policy_call().octets())});
    case pb::RequestFrame::REQUEST_NOT_SET: break;
  }
  return fail(Errc::bad_value);
}

Result<IpEndpoint> take(const pb::Endpoint& in) {
  IpEndpoint out;
  SP_TRY(out.addr, IpAddr::parse(in.address()));
  SP_TRY(out.port, take_u16(in.port()));
  return out;
}
ChildSaEntry take(const pb::ChildSa& in) {
  ChildSaEntry out;
  out.connection = in.connection();
  out.child = in.child();
  out.state = in.state();
  out.child_id = in.child_id();
  out.spi_in = in.spi_in();
  out.spi_out = in.spi_out();
  out.algorithms = in.algorithms();
  out.mode = in.mode();
  out.udp_encap = in.udp_encap();
  out.peer_boundary = in.peer_boundary();
  out.guaranteed_encryption = in.guaranteed_encryption();
  out.local = take_all(in.local());
  out.remote = take_all(in.remote());
  out.bytes_in = in.bytes_in();
  out.packets_in = in.packets_in();
  out.bytes_out = in.bytes_out();
  out.packets_out = in.packets_out();
  out.drops = in.drops();
  out.installed_seconds = in.installed_seconds();
  if (in.has_rekey_seconds()) out.rekey_in = in.rekey_seconds();
  if (in.has_expire_seconds()) out.expires_in = in.expire_seconds();
  if (in.has_rekey_bytes()) out.rekey_bytes = in.rekey_bytes();
  if (in.has_rekey_packets()) out.rekey_packets = in.rekey_packets();
  out.protocol = in.protocol();
  out.esn = in.esn();
  out.provider = in.provider();
  if (in.has_resource()) out.resource = in.resource();
  return out;
}
Result<IkeSaEntry> take(const pb::IkeSa& in) {
  IkeSaEntry out;
  out.connection = in.connection();
  out.state = in.state();
  out.ike_id = in.ike_id();
  out.spi_i = in.spi_i();
  out.spi_r = in.spi_r();
  out.initiator = in.initiator();
  SP_TRY(out.local, take(in.local()));
  SP_TRY(out.remote, take(in.remote()));
  out.local_id = in.local_id();
  out.remote_id = in.remote_id();
  out.local_user = in.local_user();
  out.remote_user = in.remote_user();
  out.nat_local = in.nat_local();
  out.nat_remote = in.nat_remote();
  out.algorithms = in.algorithms();
  out.established_seconds = in.established_seconds();
  if (in.has_rekey_seconds()) out.rekey_in = in.rekey_seconds();
  for (const auto& child : in.children()) out.children.push_back(take(child));
  return out;
}
ConfiguredConnection take(const pb::ConfiguredConnection& in) {
  ConfiguredConnection out;
  out.name = in.name();
  out.state = in.state();
  out.local_addrs = take_all(in.local_addresses());
  out.remote_addrs = take_all(in.remote_addresses());
  out.local_id = in.local_id();
  out.remote_id = in.remote_id();
  out.proposals = in.proposals();
  out.proves_user = in.proves_user();
  out.remote_user = in.remote_user();
  out.keep_up = in.keep_up();
  out.last_error = in.last_error();
  if (in.has_retry_seconds()) out.retry_in = in.retry_seconds();
  for (const auto& child : in.children()) {
    out.children.push_back({child.name(), child.start(), child.state(), take_all(child.local()),
                            take_all(child.remote()), child.proposals()});
  }
  return out;
}
Result<DaemonFacts> take(const pb::DaemonFacts& in) {
  DaemonFacts out;
  out.version = in.version();
  out.pid = in.pid();
  out.uptime_seconds = in.uptime_seconds();
  out.config_file = in.config_file();
  SP_TRY(out.ike_port, take_u16(in.ike_port()));
  SP_TRY(out.natt_port, take_u16(in.natt_port()));
  out.split = in.split();
  out.device_type = in.device_type();
  out.device_name = in.device_name();
  out.device_mtu = in.device_mtu();
  out.device_addresses = take_all(in.device_addresses());
  out.device_packets_in = in.device_packets_in();
  out.device_packets_out = in.device_packets_out();
  out.native_esp = in.native_esp();
  out.fail_closed = in.fail_closed();
  out.fail_closed_note = in.fail_closed_note();
  out.key_log = in.key_log();
  return out;
}
Result<Reply> take(const pb::StatusReply& in) {
  StatusReply out;
  SP_TRY(out.daemon, take(in.daemon()));
  for (const auto& connection : in.connections()) out.connections.push_back(take(connection));
  for (const auto& sa : in.ike_sas()) {
    SP_TRY(IkeSaEntry entry, take(sa));
    out.ike_sas.push_back(std::move(entry));
  }
  for (const auto& drop : in.drops()) out.drops.push_back({drop.name(), drop.value()});
  for (const auto& counter : in.counters()) out.counters.push_back({counter.name(), counter.value()});
  return out;
}
Result<Reply> take(const pb::Done& in) {
  if (in.code() < 0 || in.code() > static_cast<int>(ResultCode::authentication_failed)) {
    // A code of a later version: still a failure.
    return Done{ResultCode::failed, in.sentence(), in.ours(), in.peers()};
  }
  return Done{static_cast<ResultCode>(in.code()), in.sentence(), in.ours(), in.peers()};
}
Reply take(const pb::Event& in) {
  Event out{in.kind(),  in.unix_milliseconds(), in.connection(), in.child(),
            in.error(), in.sentence(),          in.ours(),       in.peers()};
  if (in.has_ike_id()) out.ike_id = in.ike_id();
  out.row = in.row();
  out.from = in.from_state();
  out.to = in.to_state();
  return out;
}
Reply take(const pb::CheckReply& in) {
  CheckReply out;
  out.files = take_all(in.files());
  for (const auto& one : in.problems()) out.problems.push_back({one.file(), one.line(), one.key(), one.sentence()});
  return out;
}
Reply take(const pb::ExplainReply& in) {
  ExplainReply out{in.action(), in.connection(), in.child(), in.entry(), in.spi_out(), in.sentence()};
  for (const auto& layer : in.layers())
    out.layers.push_back({layer.layer(), layer.action(), layer.filter(), layer.name(), layer.sentence()});
  return out;
}
Reply take(const pb::PolicyListing& in) {
  PolicyListing out;
  for (const auto& row : in.rows())
    out.rows.push_back({row.number(), row.key(), row.name(), row.layer(), row.sublayer(), row.weight(), row.action(),
                        row.raw_context(), take_all(row.conditions()), row.context(), row.provider()});
  return out;
}

Reply take(const pb::NetEvent& in) {
  return NetEvent{in.unix_milliseconds(),
                  in.type(),
                  in.local(),
                  in.remote(),
                  in.protocol(),
                  in.local_port(),
                  in.remote_port(),
                  in.code(),
                  in.point(),
                  in.role(),
                  in.filter(),
                  in.layer(),
                  in.spi(),
                  in.local_name(),
                  in.remote_name(),
                  in.direction(),
                  in.sentence()};
}

Result<Reply> take_reply(const pb::ReplyFrame& frame) {
  switch (frame.reply_case()) {
    case pb::ReplyFrame::kDone: return take(frame.done());
    case pb::ReplyFrame::kWelcome: return Reply(Welcome{frame.welcome().version(), frame.welcome().daemon_version()});
    case pb::ReplyFrame::kStatus: return take(frame.status());
    case pb::ReplyFrame::kEvent: return take(frame.event());
    case pb::ReplyFrame::kLogLine:
      return Reply(LogLine{frame.log_line().unix_milliseconds(), frame.log_line().level(), frame.log_line().text()});
    case pb::ReplyFrame::kCheck: return take(frame.check());
    case pb::ReplyFrame::kExplain: return take(frame.explain());
    case pb::ReplyFrame::kVersion:
      return Reply(VersionReply{frame.version().version(), frame.version().build(), frame.version().openssl(),
                                frame.version().protocol()});
    case pb::ReplyFrame::kPing:
      return Reply(PingAnswer{frame.ping().sequence(), frame.ping().answered(), frame.ping().octets(),
                              frame.ping().nanoseconds(), frame.ping().why()});
    case pb::ReplyFrame::kPolicyListing: return take(frame.policy_listing());
    case pb::ReplyFrame::kPolicyAnswer:
      return Reply(PolicyAnswer{frame.policy_answer().code(), frame.policy_answer().index(),
                                take_octets(frame.policy_answer().octets())});
    case pb::ReplyFrame::kNetEvent: return take(frame.net_event());
    case pb::ReplyFrame::kPolicyNotice: return Reply(PolicyNotice{take_octets(frame.policy_notice().octets())});
    case pb::ReplyFrame::REPLY_NOT_SET: break;
  }
  return fail(Errc::bad_value);
}

template <class Frame>
bool parsed(ByteView body, Frame& out) {
  // The library prints to stderr what it refuses; whoever can reach the socket could then fill a log.
  static const bool silent = (google::protobuf::SetLogHandler(nullptr), true);
  static_cast<void>(silent);
  return body.size() <= static_cast<size_t>(std::numeric_limits<int>::max()) &&
         out.ParseFromArray(body.data(), static_cast<int>(body.size()));
}

}  // namespace

Result<RequestFrame> decode_request(ByteView body) {
  pb::RequestFrame frame;
  if (!parsed(body, frame)) return fail(Errc::bad_value);
  SP_TRY(Request request, take_request(frame));
  return RequestFrame{frame.id(), std::move(request)};
}

Result<uint64_t> decode_request_id(ByteView body) {
  pb::RequestFrame frame;
  if (!parsed(body, frame)) return fail(Errc::bad_value);
  return frame.id();
}

Result<ReplyFrame> decode_reply(ByteView body) {
  pb::ReplyFrame frame;
  if (!parsed(body, frame)) return fail(Errc::bad_value);
  SP_TRY(Reply reply, take_reply(frame));
  return ReplyFrame{frame.id(), std::move(reply)};
}

}  // namespace sallyport::ctl
