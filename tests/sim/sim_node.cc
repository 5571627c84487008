// What the daemon's runtime would do, in virtual time.
#include "sim/sim_node.h"

#include <algorithm>

#include "sim/traffic.h"

namespace sallyport::sim {

SimNode::SimNode(NodeSetup setup, uint64_t seed, Duration clock_ahead)
    : setup_(std::move(setup)), rng_(seed), ahead_(clock_ahead) {}

void SimNode::start(TimePoint now) {
  stop();
  stack_ = std::make_unique<Stack>(setup_.config, rng_);
  reload(now, setup_.policy, setup_.secret);
}

void SimNode::stop() {
  if (stack_) add_rows(old_rows_);
  stack_.reset();
  work_.clear();
  asleep_ = false;
}

void SimNode::wake_up(TimePoint now) {
  asleep_ = false;
  wake(now);
}

void SimNode::reload(TimePoint now, std::shared_ptr<const model::IkePolicySet> policy, std::string secret) {
  setup_.policy = std::move(policy);
  setup_.secret = std::move(secret);
  keys_.secrets["psk"] = setup_.secret;
  if (!stack_) return;
  stack_->control.handle_command(clock(now), stack::ReloadCommand{0, setup_.policy});
  drain(now);
}

void SimNode::command(TimePoint now, stack::ControlCommand command) {
  if (!runs()) return;
  stack_->control.handle_command(clock(now), std::move(command));
  drain(now);
}

void SimNode::want_copy(TimePoint now, uint16_t shard) {
  if (!runs()) return;
  const auto all = sas(now);
  if (all.empty()) return;
  stack_->control.handle_dataplane_event(clock(now), stack::CopyWanted{all.back().child_id, shard});
  drain(now);
}

void SimNode::send_inner(TimePoint now, ByteView packet) {
  if (!runs()) return;
  PacketBuf one = PacketBuf::copy_of(packet);
  stack_->dataplane.handle_inner_packets(clock(now), {&one, 1});
  drain(now);
}

void SimNode::receive(TimePoint now, const Packet& packet) {
  if (!runs()) return;
  const bool native = packet.from.port == 0;
  const auto demuxed = stack::demux(packet.payload, packet.natt);
  if (native || demuxed.to == stack::Demuxed::To::esp) {
    ipsec::Incoming in;
    in.packet = packet.payload;
    in.from = packet.from;
    in.to = packet.to;
    in.udp = !native;
    stack_->dataplane.handle_esp(clock(now), {&in, 1});
  } else if (demuxed.to == stack::Demuxed::To::ike) {
    stack_->control.handle_datagram(clock(now), {packet.to, packet.from, 0, packet.natt, to_bytes(demuxed.payload)});
  }
  drain(now);
}

void SimNode::wake(TimePoint now) {
  if (!runs()) return;
  std::vector<Work> done;
  for (size_t i = 0; i < work_.size();) {
    if (work_[i].due > now) {
      ++i;
      continue;
    }
    done.push_back(std::move(work_[i]));
    work_.erase(work_.begin() + static_cast<std::ptrdiff_t>(i));
  }
  for (Work& one : done) stack_->control.handle_reply(clock(now), one.id, std::move(one.reply));
  stack_->control.handle_deadline(clock(now));
  stack_->dataplane.handle_deadline(clock(now));
  drain(now);
}

std::optional<TimePoint> SimNode::next_deadline() const {
  if (!runs()) return std::nullopt;
  std::optional<TimePoint> first;
  for (const auto& at : {stack_->control.next_deadline(), stack_->dataplane.next_deadline()}) {
    if (at && (!first || *at - ahead_ < *first)) first = *at - ahead_;
  }
  for (const Work& one : work_) {
    if (!first || one.due < *first) first = one.due;
  }
  return first;
}

void SimNode::drain(TimePoint now) {
  bool more = true;
  while (more) {
    more = false;
    while (auto output = stack_->control.poll(clock(now))) {
      more = true;
      std::visit([&](auto& o) { carry(now, o); }, *output);
    }
    take_packets();
    while (auto event = stack_->dataplane.poll_event()) {
      more = true;
      stack_->control.handle_dataplane_event(clock(now), std::move(*event));
    }
  }
}

void SimNode::take_packets() {
  for (ipsec::Outgoing& o : stack_->dataplane.take_outputs()) {
    if (o.packet.empty()) continue;
    switch (o.way) {
      case ipsec::Way::inner: delivered_.push_back(to_bytes(o.packet.view())); break;
      case ipsec::Way::clear: wrong = "the data plane lets a clear packet out"; break;
      case ipsec::Way::to_judge: wrong = "the only packet worker hands a packet on"; break;
      case ipsec::Way::esp_udp: sent_.push_back({o.local, o.remote, true, to_bytes(o.packet.view())}); break;
      case ipsec::Way::esp_native:
        sent_.push_back(
            {{o.local.addr, 0}, {o.remote.addr, 0}, false, to_bytes(o.packet.view().subspan(o.outer_octets))});
        break;
    }
  }
  stack_->dataplane.done();
}

void SimNode::carry(TimePoint, ike::Datagram& d) {
  Bytes payload;
  if (d.natt) payload.assign(4, 0);
  append(payload, d.payload);
  sent_.push_back({{setup_.address, d.local.port}, d.remote, d.natt, std::move(payload)});
}

void SimNode::carry(TimePoint now, ike::Request& r) {
  // Not all of it takes equally long, so that answers overtake each other.
  const auto most = static_cast<uint64_t>(setup_.key_work.count());
  const Duration took(most == 0 ? 0 : static_cast<Duration::rep>(rng_.below(most)));
  work_.push_back({now + took, r.id, keys_.answer(r.work)});
}

void SimNode::carry(TimePoint, ike::KeyLog& k) {
  if (auto* keys = std::get_if<ike::KeyLog::Ike>(&k.keys)) key_log.push_back(std::move(*keys));
}

void SimNode::carry(TimePoint now, stack::DataplaneCommand& c) {
  stack_->dataplane.handle_command(clock(now), std::move(c));
}

void SimNode::carry(TimePoint, stack::NatKeepalive& k) {
  sent_.push_back({{setup_.address, k.local.port}, k.remote, true, {0xFF}});
}

void SimNode::carry(TimePoint, stack::Notice& n) {
  if (told_.size() < 100) told_.push_back(std::string(stack::to_string(n.kind)) + " " + n.child + " " + n.sentence);
}

void SimNode::carry(TimePoint, stack::CommandResult& r) {
  if (told_.size() < 100) told_.push_back("command " + std::to_string(r.token) + ": " + r.sentence);
}

std::string SimNode::grown(size_t children) const {
  const ike::Endpoint::Tables ike = stack_->control.endpoint().tables();
  const stack::Control::Tables control = stack_->control.tables();
  const struct {
    const char* name;
    size_t held, most;
  } rows[] = {{"IKE SAs", ike.ike_sas, 1},
              {"IKE SPIs", ike.ike_spis, 1},
              {"first messages", ike.first_messages, 1},
              {"half-open IKE SAs", ike.half_open, 0},
              {"addresses of half-open IKE SAs", ike.half_open_addresses, 0},
              {"deadlines", ike.deadlines, 1},
              {"Child SA SPIs", ike.child_spis, children},
              {"key requests", ike.key_requests, 0},
              {"addresses whose IKE_AUTH waits", ike.failed_auths, 0},
              {"children of Control", control.children, children},
              {"keepalives", control.keepalives, 1},
              {"connections of IKE SAs", control.ike_connections, 1},
              {"commands that wait", control.up_waits, 0}};
  for (const auto& row : rows) {
    if (row.held > row.most) {
      return std::string(row.name) + ": " + std::to_string(row.held) + " held, " + std::to_string(row.most) + " needed";
    }
  }
  return {};
}

void SimNode::add_rows(std::map<std::string, uint64_t>& rows) const {
  if (&rows != &old_rows_) {
    for (const auto& [story, n] : old_rows_) rows[story] += n;
  }
  if (!stack_) return;
  for (const auto& [story, n] : stack_->control.endpoint().rows_taken()) rows[std::string(story)] += n;
}

}  // namespace sallyport::sim
