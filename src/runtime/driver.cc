// See driver.h. Every entry ends in pump(), which moves what the machines have to say until they are silent.
#include "runtime/driver.h"

#include <errno.h>

#include <algorithm>
#include <utility>

#include "runtime/clock.h"
#include "stack/udp_demux.h"

namespace sallyport::runtime {
namespace {

constexpr int kBatchesPerWakeup = 8;
constexpr size_t kInnerBatch = 64;
constexpr size_t kInnerOctets = 256 * 1024;  // of one batch: what is read must still be in the cache when it is sealed
constexpr int kTimer = 1;

ike::Config ike_config(const config::Settings& settings, bool key_log) {
  ike::Config out;
  out.port = settings.daemon.ike_port;
  out.natt_port = settings.daemon.natt_port;
  out.remote_natt_port = settings.daemon.remote_natt_port;
  out.key_log = key_log;
  return out;
}

std::optional<stack::InnerHost> inner_host(const config::DeviceSettings& device) {
  if (device.type != config::DeviceSettings::Type::internal) return std::nullopt;
  return stack::InnerHost(device.addresses);
}

// What the sockets that ESP leaves by and the TUN device can take.
ipsec::OutputShape output_shape(const Descriptors& descriptors) {
  ipsec::OutputShape out;
  out.join_inner = descriptors.tun_vnet_header;
  // Linux cuts one send into 64 datagrams at most, up to 6.9 (UDP_MAX_SEGMENTS).
  for (const auto& socket : descriptors.udp) out.train_packets = socket.trains ? 64 : out.train_packets;
  return out;
}

LogLevel level_of(stack::Notice::Kind kind) {
  return kind == stack::Notice::Kind::attempt_failed ? LogLevel::warning : LogLevel::info;
}

}  // namespace

Driver::Driver(Loop& loop, TraceLog& log, KeyPort& keys, Rng& rng, DriverSetup setup)
    : loop_(loop),
      log_(log),
      keys_(keys),
      settings_(std::move(setup.settings)),
      first_policy_(std::move(setup.policy)),
      descriptors_(std::move(setup.descriptors)),
      control_(ike_config(settings_, static_cast<bool>(descriptors_.key_log_ike)), rng),
      dataplane_(rng, inner_host(settings_.device), output_shape(descriptors_)),
      inner_(kInnerBatch),
      tun_(descriptors_.tun.get(), descriptors_.tun_vnet_header),
      udp_queues_(descriptors_.udp.size()) {
  if (descriptors_.key_log_ike) {
    key_log_.emplace(KeyLogFiles{std::move(descriptors_.key_log_ike), std::move(descriptors_.key_log_esp),
                                 std::move(descriptors_.key_log_esp_other)});
  }
}

Driver::~Driver() {
  for (const auto& socket : descriptors_.udp) loop_.unwatch(socket.fd.get());
  for (const Fd* fd : {&descriptors_.esp_v4, &descriptors_.esp_v6, &descriptors_.tun}) {
    if (*fd) loop_.unwatch(fd->get());
  }
}

void Driver::start() {
  keys_.on_reply = [this](model::RequestId id, model::KeyReply reply) {
    control_.handle_reply(monotonic_now(), id, std::move(reply));
    pump();
  };
  for (const auto& socket : descriptors_.udp) loop_.watch(socket.fd.get(), [this, &socket] { read_udp(socket); });
  if (descriptors_.esp_v4)
    loop_.watch(descriptors_.esp_v4.get(), [this] { read_esp(descriptors_.esp_v4, Family::v4); });
  if (descriptors_.esp_v6)
    loop_.watch(descriptors_.esp_v6.get(), [this] { read_esp(descriptors_.esp_v6, Family::v6); });
  control_.handle_command(monotonic_now(), stack::ReloadCommand{0, first_policy_});
  pump();
  // Only now: before the SPD is in place there is nothing to judge an inner packet by.
  if (descriptors_.tun) loop_.watch(descriptors_.tun.get(), [this] { read_tun(); });
}

void Driver::command(stack::ControlCommand command) {
  control_.handle_command(monotonic_now(), std::move(command));
  pump();
}

void Driver::reload(config::Settings settings, std::shared_ptr<const model::IkePolicySet> policy,
                    stack::CommandToken token) {
  // What only a restart can change stays as it is.
  settings.device = settings_.device;
  auto daemon = settings_.daemon;
  daemon.log = settings.daemon.log;
  settings.daemon = daemon;
  settings_ = std::move(settings);
  command(stack::ReloadCommand{token, std::move(policy)});
}

Result<> Driver::ping(uint64_t token, const IpAddr& destination, uint16_t sequence, size_t octets) {
  auto done = dataplane_.ping(monotonic_now(), token, destination, sequence, octets);
  pump();
  return done;
}

void Driver::take_all_down() {
  for (const auto& connection : control_.policy()->connections) {
    control_.handle_command(monotonic_now(), stack::DownCommand{0, connection.name, {}});
  }
  pump();
}

void Driver::read_udp(const UdpDescriptor& socket) {
  for (int round = 0; round < kBatchesPerWakeup; ++round) {
    const auto datagrams = batch_.receive(socket.fd.get(), socket.port);
    if (datagrams.empty()) break;
    const TimePoint now = monotonic_now();
    for (const auto& datagram : datagrams) take_datagram(now, socket, datagram);
    give_esp();
    pump();
  }
}

// The kernel joins whatever one peer sent in one size (UDP_GRO): a train may hold IKE beside ESP.
void Driver::take_datagram(TimePoint now, const UdpDescriptor& socket, const ReceivedDatagram& datagram) {
  const size_t segment = datagram.segment_octets != 0 ? datagram.segment_octets : datagram.payload.size();
  ByteView rest = datagram.payload;
  ByteView esp;  // those seen last, one behind the other
  do {
    const ByteView one = rest.first(std::min(segment, rest.size()));
    rest = rest.subspan(one.size());
    ++counters_.datagrams_in;
    const auto demuxed = stack::demux(one, socket.natt);
    if (demuxed.to == stack::Demuxed::To::esp) {
      esp = {esp.empty() ? one.data() : esp.data(), esp.size() + one.size()};
      continue;
    }
    if (!esp.empty()) add_esp(datagram, std::exchange(esp, {}), true);
    if (demuxed.to == stack::Demuxed::To::ike) {
      control_.handle_datagram(now, ike::Datagram{datagram.local, datagram.remote, datagram.interface_index,
                                                  socket.natt, to_bytes(demuxed.payload)});
    } else if (demuxed.to == stack::Demuxed::To::nobody) {
      ++counters_.not_for_us;
    }
  } while (!rest.empty());
  if (!esp.empty()) add_esp(datagram, esp, true);
}

void Driver::read_esp(const Fd& socket, Family family) {
  for (int round = 0; round < kBatchesPerWakeup; ++round) {
    const auto datagrams = batch_.receive(socket.get(), 0, family == Family::v4);
    if (datagrams.empty()) break;
    counters_.datagrams_in += datagrams.size();
    for (const auto& datagram : datagrams) add_esp(datagram, datagram.payload, false);
    give_esp();
    pump();
  }
}

void Driver::add_esp(const ReceivedDatagram& datagram, ByteView payload, bool udp) {
  ipsec::Incoming& in = incoming_.emplace_back();
  in.packet = payload;
  in.segment_octets = datagram.segment_octets;
  in.from = datagram.remote;
  in.to = datagram.local;
  in.tos = datagram.tos;
  in.udp = udp;
}

void Driver::give_esp() {
  if (!incoming_.empty()) dataplane_.handle_esp(monotonic_now(), incoming_);
  incoming_.clear();
}

void Driver::read_tun() {
  for (int round = 0; round < kBatchesPerWakeup; ++round) {
    const size_t count = tun_.read(inner_, kInnerOctets);
    if (count == 0) break;
    counters_.device_packets_in += count;
    dataplane_.handle_inner_packets(monotonic_now(), std::span(inner_).first(count));
    pump();
  }
}

// A callback may come back in here (a command from a notice): the outer call goes round once more.
void Driver::pump() {
  if (pumping_) {
    pump_again_ = true;
    return;
  }
  pumping_ = true;
  do {
    pump_again_ = false;
    const TimePoint now = monotonic_now();
    while (drain_control(now) | drain_dataplane(now)) {
    }
    send_queues();
  } while (pump_again_);
  pumping_ = false;
  arm();
}

bool Driver::drain_control(TimePoint now) {
  bool any = false;
  while (auto output = control_.poll(now)) {
    std::visit([&](auto& o) { act(o); }, *output);
    any = true;
  }
  return any;
}

bool Driver::drain_dataplane(TimePoint now) {
  bool any = false;
  while (auto event = dataplane_.poll_event()) {
    control_.handle_dataplane_event(now, std::move(*event));
    any = true;
  }
  while (auto pong = dataplane_.poll_pong()) {
    if (on_pong) on_pong(*pong);
  }
  send_outputs();
  return any;
}

std::vector<Driver::Queued>* Driver::udp_queue(Family family, bool natt) {
  for (size_t i = 0; i < descriptors_.udp.size(); ++i) {
    if (descriptors_.udp[i].family == family && descriptors_.udp[i].natt == natt) return &udp_queues_[i];
  }
  ++counters_.no_socket;
  return nullptr;
}

void Driver::act(ike::Datagram& datagram) {
  auto* queue = udp_queue(datagram.remote.addr.family(), datagram.natt);
  if (!queue) return;
  Queued queued;
  if (datagram.natt) queued.owned.resize(4);  // RFC 3948 2.2: the non-ESP marker
  append(queued.owned, datagram.payload);
  queued.datagram = {datagram.local, datagram.remote, datagram.interface_index, {}, 0, 0};
  queue->push_back(std::move(queued));
}

void Driver::act(ike::Request& request) { keys_.submit(request.id, std::move(request.work)); }

void Driver::act(ike::KeyLog& keys) {
  if (key_log_ && !key_log_->write(keys)) {
    log_.limited(LogLevel::warning, "key log", "",
                 "keys of an SA could not be written: no name for its algorithm, or no room");
  }
}

void Driver::act(stack::DataplaneCommand& command) { dataplane_.handle_command(monotonic_now(), std::move(command)); }

void Driver::act(stack::NatKeepalive& keepalive) {
  auto* queue = udp_queue(keepalive.remote.addr.family(), true);
  if (queue) queue->push_back({Bytes{0xff}, {keepalive.local, keepalive.remote, 0, {}, 0, 0}});
}

void Driver::act(stack::Notice& notice) {
  std::string text = notice.connection;
  if (!notice.child.empty()) text += "." + notice.child;
  if (!text.empty()) text += ": ";
  text += std::string(stack::to_string(notice.kind)) + ": " + notice.sentence;
  if (!notice.ours.empty()) text += "; ours: " + notice.ours;
  if (!notice.peers.empty()) text += "; the peer's: " + notice.peers;
  log_.limited(level_of(notice.kind), stack::to_string(notice.kind), notice.connection, text);
  if (on_notice) on_notice(notice);
}

void Driver::act(stack::CommandResult& result) {
  if (on_result) on_result(result);
}

void Driver::send_outputs() {
  const auto outputs = dataplane_.take_outputs();
  for (auto& out : outputs) {
    if (out.packet.empty()) continue;
    if (out.way == ipsec::Way::inner) {
      write_tun(out.packet);
    } else {
      send_esp(out);
    }
  }
  // The queues point into the outputs.
  if (!outputs.empty()) send_queues();
  dataplane_.done();
}

void Driver::send_esp(ipsec::Outgoing& out) {
  if (out.way == ipsec::Way::clear) {
    ++counters_.no_socket;  // BYPASS of captured packets: nothing here leads past our own routes
    return;
  }
  const bool udp = out.way == ipsec::Way::esp_udp;
  const bool v4 = out.remote.addr.is_v4();
  std::vector<Queued>* queue = nullptr;
  if (udp) {
    queue = udp_queue(out.remote.addr.family(), true);
  } else if (v4 ? descriptors_.esp_v4 : descriptors_.esp_v6) {
    queue = v4 ? &esp_v4_queue_ : &esp_v6_queue_;
  } else {
    ++counters_.no_socket;
  }
  if (!queue) return;
  const size_t segment = out.packet.offload.segment_octets;
  if (udp) {
    queue->push_back({{}, {out.local, out.remote, 0, out.packet.view(), out.tos, static_cast<uint16_t>(segment)}});
    return;
  }
  // The kernel writes the outer header of a raw socket, and cuts nothing.
  for (ByteView rest = out.packet.view(); !rest.empty();) {
    const ByteView one = rest.first(std::min(segment, rest.size()));
    rest = rest.subspan(one.size());
    queue->push_back({{}, {out.local, {out.remote.addr, 0}, 0, one.subspan(out.outer_octets), out.tos, 0}});
  }
}

void Driver::write_tun(const PacketBuf& packet) {
  if (!descriptors_.tun) return;
  ++(tun_.write(packet) ? counters_.device_packets_out : counters_.device_refused);
}

void Driver::send_queues() {
  const auto send = [&](int fd, std::vector<Queued>& queue) {
    if (queue.empty()) return;
    sending_.clear();
    for (auto& queued : queue) {
      if (!queued.owned.empty()) queued.datagram.payload = queued.owned;
      sending_.push_back(queued.datagram);
    }
    int error = 0;
    size_t wanted = 0;
    for (const auto& datagram : sending_) wanted += datagrams_in(datagram);
    const size_t sent = send_batch(fd, sending_, &error);
    counters_.datagrams_out += sent;
    counters_.send_refused += wanted - sent;
    if (error != 0 && error != EAGAIN) {
      errno = error;
      log_.limited(
          LogLevel::warning, "send", sending_.front().remote.addr.to_string(),
          explain("a datagram to " + sending_.front().remote.to_string() + " was refused", fail_errno().value()));
    }
    queue.clear();
  };
  for (size_t i = 0; i < udp_queues_.size(); ++i) send(descriptors_.udp[i].fd.get(), udp_queues_[i]);
  send(descriptors_.esp_v4.get(), esp_v4_queue_);
  send(descriptors_.esp_v6.get(), esp_v6_queue_);
}

void Driver::arm() {
  std::optional<TimePoint> next = control_.next_deadline();
  if (const auto at = dataplane_.next_deadline(); at && (!next || *at < *next)) next = at;
  loop_.set_timer(kTimer, next, [this] {
    const TimePoint now = monotonic_now();
    control_.handle_deadline(now);
    dataplane_.handle_deadline(now);
    pump();
  });
}

}  // namespace sallyport::runtime
