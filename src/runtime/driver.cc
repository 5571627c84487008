// See driver.h. Every entry ends in pump(), which moves what the machines have to say until they are silent.
#include "runtime/driver.h"

#include <errno.h>

#include <algorithm>
#include <utility>

#include "ipsec/pmtu.h"
#include "ipsec/transport_mode.h"
#include "runtime/clock.h"
#include "runtime/source_lookup.h"
#include "stack/shards.h"
#include "stack/udp_demux.h"

namespace sallyport::runtime {
namespace {

constexpr int kBatchesPerWakeup = 8;
constexpr int kTimer = 1;

ike::Config ike_config(const config::Settings& settings, const Descriptors& descriptors) {
  ike::Config out;
  out.port = settings.daemon.ike_port;
  out.natt_port = settings.daemon.natt_port;
  out.remote_natt_port = settings.daemon.remote_natt_port;
  out.prefer_udp = settings.daemon.prefer_udp;
  out.key_log = static_cast<bool>(descriptors.key_log_ike);
  out.shards = static_cast<uint16_t>(descriptors.workers());
  return out;
}

std::optional<stack::InnerHost> inner_host(const config::DeviceSettings& device) {
  if (device.type != config::DeviceSettings::Type::internal) return std::nullopt;
  return stack::InnerHost(device.addresses);
}

LogLevel level_of(stack::Notice::Kind kind) {
  if (kind == stack::Notice::Kind::ike_state) return LogLevel::debug;
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
      control_(ike_config(settings_, descriptors_), rng),
      sa_calls_(control_,
                [this] {
                  PacketReport report = packets();
                  return stack::PacketFacts{report.drops, report.traffic, std::move(report.sas)};
                }),
      self_(std::make_shared<Driver*>(this)),
      udp_queues_(descriptors_.udp.size()) {
  for (uint16_t i = 0; i < descriptors_.workers(); ++i)
    workers_.push_back(std::make_unique<PacketWorker>(descriptors_, inner_host(settings_.device), callbacks(i), i));
  for (const auto& worker : workers_) worker->meet(workers_);
  if (descriptors_.key_log_ike) {
    key_log_.emplace(KeyLogFiles{std::move(descriptors_.key_log_ike), std::move(descriptors_.key_log_esp),
                                 std::move(descriptors_.key_log_esp_other)});
  }
}

Driver::~Driver() {
  // None may be gone while another still hands packets to it.
  for (const auto& worker : workers_) worker->stop();
  workers_.clear();
  for (const auto& socket : descriptors_.udp) {
    if (socket.keying()) loop_.unwatch(socket.fd.get());
  }
  for (const Fd* socket : {&descriptors_.icmp_v4, &descriptors_.icmp_v6}) {
    if (*socket) loop_.unwatch(socket->get());
  }
}

void Driver::later(std::function<void()> task) {
  loop_.post([alive = std::weak_ptr(self_), task = std::move(task)] {
    if (alive.lock()) task();
  });
}

// All of these run on the thread whose turn it is at the shard.
PacketWorker::Callbacks Driver::callbacks(uint16_t worker) {
  PacketWorker::Callbacks out;
  out.on_ike = [this, worker](std::vector<ike::Datagram> datagrams) {
    later([this, worker, datagrams = std::move(datagrams)] {
      workers_[worker]->ike_taken(datagrams.size());
      const TimePoint now = monotonic_now();
      for (const auto& datagram : datagrams) take_message(now, datagram);
      pump();
    });
  };
  out.on_events = [this](std::vector<stack::DataplaneEvent> events) {
    later([this, events = std::move(events)] {
      const TimePoint now = monotonic_now();
      for (const auto& event : events) control_.handle_dataplane_event(now, event);
      pump();
    });
  };
  out.on_pong = [this](const stack::InnerHost::Pong& pong) {
    later([this, pong] {
      if (on_pong) on_pong(pong);
    });
  };
  out.on_too_long = [this](const IpAddr& remote, Bytes packet) {
    later([this, remote, packet = std::move(packet)] { shrink_path(remote, packet); });
  };
  out.on_refusal = [this](std::string sentence) {
    later([this, sentence = std::move(sentence)] { log_.limited(LogLevel::warning, "send", "", sentence); });
  };
  return out;
}

void Driver::start() {
  keys_.on_reply = [this](model::RequestId id, model::KeyReply reply) {
    control_.handle_reply(monotonic_now(), id, std::move(reply));
    pump();
  };
  for (const auto& socket : descriptors_.udp) {
    if (socket.keying()) loop_.watch(socket.fd.get(), [this, &socket] { read_udp(socket); });
  }
  for (const Family family : {Family::v4, Family::v6}) {
    const Fd& socket = family == Family::v4 ? descriptors_.icmp_v4 : descriptors_.icmp_v6;
    if (socket) loop_.watch(socket.get(), [this, &socket, family] { read_icmp(socket, family); });
  }
  control_.handle_command(monotonic_now(), stack::ReloadCommand{0, first_policy_, settings_.filters});
  pump();
  // Only now: before the SPD is in place there is nothing to judge an inner packet by.
  for (const auto& worker : workers_) worker->start();
}

void Driver::command(stack::ControlCommand command) {
  control_.handle_command(monotonic_now(), std::move(command));
  pump();
}

void Driver::with_filter_engine(const std::function<void(TimePoint, policy::Engine&)>& work) {
  work(monotonic_now(), control_.filter_engine());
  pump();
}

void Driver::release_held(uint32_t held_as, bool send) {
  control_.release_held(held_as, send);
  pump();
}

void Driver::place_socket(const stack::HostFlow& flow, std::shared_ptr<const stack::SocketGroup> group) {
  control_.place_socket(flow, std::move(group));
  pump();
}

void Driver::place_user(const stack::EndpointWanted& wanted, std::optional<uint32_t> uid) {
  control_.place_user(monotonic_now(), wanted, uid);
  pump();
}

void Driver::place_owner(const stack::HostFlow& flow, std::shared_ptr<const stack::SocketOwner> owner) {
  control_.place_owner(flow, std::move(owner));
  pump();
}

void Driver::forget_socket(const stack::HostFlow& flow, uint64_t group) {
  control_.forget_socket(flow, group);
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
  command(stack::ReloadCommand{token, std::move(policy), settings_.filters});
}

Result<> Driver::ping(uint64_t token, const IpAddr& destination, uint16_t sequence, size_t octets) {
  Result<> done;
  workers_.front()->call([&](stack::Dataplane& dataplane) {
    done = dataplane.ping(monotonic_now(), token, destination, sequence, octets);
  });
  return done;
}

void Driver::take_all_down() {
  for (const auto& connection : control_.policy()->connections) {
    control_.handle_command(monotonic_now(), stack::DownCommand{0, connection.name, {}, {}});
  }
  control_.end_filter_sas(monotonic_now());
  pump();
}

PacketReport Driver::packets() const {
  PacketReport out;
  if (drops_beside_ != nullptr) out.drops += *drops_beside_;
  for (const auto& worker : workers_) {
    worker->call([&](const stack::Dataplane& dataplane) {
      const auto sas = dataplane.sas(monotonic_now());
      out.sas.insert(out.sas.end(), sas.begin(), sas.end());
      out.drops += dataplane.drops();
      out.traffic += dataplane.traffic();
      out.held_dropped += dataplane.held_dropped();
    });
  }
  std::sort(out.sas.begin(), out.sas.end(), [](const auto& a, const auto& b) { return a.child_id < b.child_id; });
  return out;
}

std::optional<stack::FilterFlows::Standing> Driver::standing(const stack::HostFlow& flow) const {
  std::optional<stack::FilterFlows::Standing> out;
  workers_[stack::owner_of(flow, workers_.size())]->call(
      [&](const stack::Dataplane& dataplane) { out = dataplane.standing(flow); });
  return out;
}

PacketCounters Driver::counters() const {
  PacketCounters out;
  for (const auto& worker : workers_) out += worker->counters();
  out += counters_;
  return out;
}

// The sockets that IKE comes to. ESP strays here where the kernel does not tell the two apart, and behind IKE in a
// train (UDP_GRO joins whatever has one size).
void Driver::read_udp(const UdpDescriptor& socket) {
  for (int round = 0; round < kBatchesPerWakeup; ++round) {
    const auto datagrams = batch_.receive(socket.fd.get(), socket.port);
    if (datagrams.empty()) break;
    const TimePoint now = monotonic_now();
    for (const auto& datagram : datagrams) {
      const size_t segment = datagram.segment_octets != 0 ? datagram.segment_octets : datagram.payload.size();
      ByteView rest = datagram.payload;
      do {
        const ByteView one = rest.first(std::min(segment, rest.size()));
        rest = rest.subspan(one.size());
        take_datagram(now, socket, datagram, one);
      } while (!rest.empty());
    }
    if (datagrams.size() < DatagramBatch::kSlots) break;
  }
  pump();
}

void Driver::take_datagram(TimePoint now, const UdpDescriptor& socket, const ReceivedDatagram& about, ByteView one) {
  const auto demuxed = stack::demux(one, socket.natt);
  if (demuxed.to == stack::Demuxed::To::esp) return workers_.front()->take_stray_esp(about, one);
  ++counters_.datagrams_in;
  if (demuxed.to == stack::Demuxed::To::ike) {
    take_message(now, {about.local, about.remote, about.interface_index, socket.natt, to_bytes(demuxed.payload)});
  } else if (demuxed.to == stack::Demuxed::To::nobody) {
    ++counters_.not_for_us;
  }
}

void Driver::take_message(TimePoint now, const ike::Datagram& message) {
  if (on_message) on_message();
  control_.handle_datagram(now, message);
}

// Errors are few, and whoever floods us with them takes turns of the packets' thread one batch at a time.
void Driver::read_icmp(const Fd& socket, Family family) {
  const auto errors = batch_.receive(socket.get(), 0, family == Family::v4);
  std::vector<PacketBuf> headed;  // IPv6 sockets keep the header to themselves
  std::vector<ByteView> packets;
  headed.reserve(errors.size());
  for (const auto& error : errors) {
    ++counters_.datagrams_in;
    if (family == Family::v4) {
      packets.emplace_back(error.payload);
      continue;
    }
    PacketBuf& packet = headed.emplace_back(PacketBuf::copy_of(error.payload));
    ipsec::prepend_plain_header(error.remote.addr, error.local.addr, IPPROTO_ICMPV6, error.tos, packet);
    packets.push_back(packet.view());
  }
  if (packets.empty()) return;
  // Which of them has the SA only the peer's SPI tells.
  for (const auto& worker : workers_)
    worker->call([&](stack::Dataplane& dataplane) { dataplane.handle_outer_packets(monotonic_now(), packets); });
}

// What a router would say about a link, where the link is our own.
void Driver::shrink_path(const IpAddr& remote, ByteView packet) {
  const auto mtu = link_mtu_for(descriptors_.route_lookup, remote);
  PacketBuf answer;
  if (!mtu || !ipsec::write_too_big(packet, *mtu, answer)) return;
  const ByteView error = answer.view();
  for (const auto& worker : workers_)
    worker->call([&](stack::Dataplane& dataplane) { dataplane.handle_outer_packets(monotonic_now(), {&error, 1}); });
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
    drain_control(monotonic_now());
    send_queues();
    if (sa_calls_.hear() && on_sa_changes) on_sa_changes();
  } while (pump_again_);
  pumping_ = false;
  arm();
}

void Driver::drain_control(TimePoint now) {
  control_.filter_engine().set_wall(now, wall_filetime());
  while (auto output = control_.poll(now)) std::visit([&](auto& o) { act(o); }, *output);
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

void Driver::act(ike::Request& request) {
  const auto* wanted = std::get_if<model::SourceFor>(&request.work);
  if (!wanted) return keys_.submit(request.id, std::move(request.work));
  const auto source = source_for(descriptors_.route_lookup, wanted->remote);
  model::KeyReply reply = model::Refused{Errc::not_found, "no route to " + wanted->remote.to_string()};
  if (source && !source->is_any()) reply = model::Addresses{{*source}};
  control_.handle_reply(monotonic_now(), request.id, std::move(reply));
}

void Driver::act(ike::KeyLog& keys) {
  if (key_log_ && !key_log_->write(keys)) {
    log_.limited(LogLevel::warning, "key log", "",
                 "keys of an SA could not be written: no name for its algorithm, or no room");
  }
}

void Driver::act(stack::DataplaneCommand& command) {
  // At once: an SA is in place before the message that lets the peer use it leaves (send_queues() comes last).
  stack::for_each_shard(std::move(command), workers_.size(), [&](size_t shard, stack::DataplaneCommand one) {
    workers_[shard]->call(
        [&](stack::Dataplane& dataplane) { dataplane.handle_command(monotonic_now(), std::move(one)); });
  });
}

void Driver::act(stack::NatKeepalive& keepalive) {
  auto* queue = udp_queue(keepalive.remote.addr.family(), true);
  if (queue) queue->push_back({Bytes{0xff}, {keepalive.local, keepalive.remote, 0, {}, 0, 0}});
}

void Driver::act(stack::Notice& notice) {
  const LogLevel level = level_of(notice.kind);
  if (!log_.wants(level)) {
    if (on_notice) on_notice(notice);
    return;
  }
  std::string text = notice.connection;
  if (!notice.child.empty()) text += "." + notice.child;
  if (!text.empty()) text += ": ";
  text += std::string(stack::to_string(notice.kind)) + ": " + notice.sentence;
  if (!notice.ours.empty()) text += "; ours: " + notice.ours;
  if (!notice.peers.empty()) text += "; the peer's: " + notice.peers;
  log_.limited(level, stack::to_string(notice.kind), notice.connection, text);
  if (on_notice) on_notice(notice);
}

void Driver::act(stack::CommandResult& result) {
  if (on_result) on_result(result);
}

void Driver::act(policy::EngineOutput& output) {
  if (on_engine) on_engine(output);
}

void Driver::act(stack::PolicySecrets& secrets) { keys_.set_policy_secrets(secrets); }
// Nobody who could know: it is nobody's.
void Driver::act(stack::EndpointWanted& wanted) {
  if (wanted.for_user)
    return on_user_wanted ? on_user_wanted(wanted) : control_.place_user(monotonic_now(), wanted, std::nullopt);
  if (on_endpoint_wanted) return on_endpoint_wanted(wanted);
  control_.release_held(wanted.held_as, false);
}

void Driver::act(stack::OwnerWanted& wanted) {
  if (on_owner_wanted) return on_owner_wanted(wanted);
  control_.place_owner(wanted.flow, nullptr);
}

void Driver::act(stack::HostFilters& filters) {
  if (on_host_filters) on_host_filters(filters);
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
}

void Driver::arm() {
  loop_.set_timer(kTimer, control_.next_deadline(), [this] {
    control_.handle_deadline(monotonic_now());
    pump();
  });
}

}  // namespace sallyport::runtime
