// See packet_worker.h. Every round ends in drain(), which sends and reports what the shard has to say.
#include "runtime/packet_worker.h"

#include <errno.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <mutex>
#include <utility>

#include "runtime/clock.h"
#include "stack/udp_demux.h"

namespace sallyport::runtime {
namespace {

constexpr int kBatchesPerWakeup = 8;
constexpr size_t kInnerBatch = 64;
constexpr size_t kInnerOctets = 256 * 1024;  // of one batch: what is read must still be in the cache when it is sealed
// Linux cuts one send into 64 datagrams at most, up to 6.9 (UDP_MAX_SEGMENTS).
constexpr size_t kTrainPackets = 64;

// What the sockets that ESP leaves by and the TUN device can take.
ipsec::OutputShape output_shape(const Descriptors& descriptors) {
  ipsec::OutputShape out;
  out.join_inner = descriptors.tun_vnet_header;
  for (const auto& socket : descriptors.udp) out.train_packets = socket.trains ? kTrainPackets : out.train_packets;
  return out;
}

}  // namespace

PacketWorker::PacketWorker(const Descriptors& descriptors, std::optional<stack::InnerHost> inner_host,
                           Callbacks callbacks, uint16_t number)
    : descriptors_(descriptors),
      number_(number),
      callbacks_(std::move(callbacks)),
      dataplane_(rng_, std::move(inner_host), output_shape(descriptors)),
      device_(number == 0 ? descriptors.tun.get() : descriptors.tun_more[number - 1u].get(),
              descriptors.tun_vnet_header),
      inner_(kInnerBatch),
      sender_(descriptors, counters_) {
  epoll_ = Fd(::epoll_create1(EPOLL_CLOEXEC));
  wakeup_ = Fd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  dataplane_.choose_providers([] { return static_cast<uint64_t>(monotonic_now().time_since_epoch().count()); });
}

PacketWorker::~PacketWorker() { stop(); }

void PacketWorker::stop() {
  if (!thread_.joinable()) return;
  stopping_ = true;
  (void)::eventfd_write(wakeup_.get(), 1);
  thread_.join();
}

void PacketWorker::meet(const std::vector<std::unique_ptr<PacketWorker>>& all) {
  if (all.size() < 2) return;
  for (const auto& worker : all) workers_.push_back(worker.get());
  for (size_t i = 0; i < all.size(); ++i) inbox_.push_back(std::make_unique<HandOverRing>());
  handed_to_.resize(all.size());
  dataplane_.set_place(number_, static_cast<uint16_t>(all.size()));
}

void PacketWorker::start() {
  // Signals are the other thread's.
  sigset_t all, before;
  sigfillset(&all);
  ::pthread_sigmask(SIG_BLOCK, &all, &before);
  thread_ = std::thread([this] { run(); });
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

void PacketWorker::call(const Task& task) {
  const std::lock_guard turn(turns_);
  task(dataplane_);
  drain();
  const auto due = dataplane_.next_deadline();
  if (thread_.joinable() && due && (!sleeps_until_ || *due < *sleeps_until_)) {
    sleeps_until_ = due;  // one wakeup is enough, however many calls come before the worker's turn
    (void)::eventfd_write(wakeup_.get(), 1);
  }
}

PacketCounters PacketWorker::counters() {
  PacketCounters out;
  call([&](stack::Dataplane&) { out = counters_; });
  return out;
}

int PacketWorker::wait_milliseconds() const {
  const auto next = dataplane_.next_deadline();
  if (!next) return -1;
  // Deadlines follow a clock that counts suspend and epoll's does not: short waits, and a look at the clock.
  const Duration left = std::clamp<Duration>(*next - monotonic_now(), Duration::zero(), seconds(1));
  return static_cast<int>(std::chrono::duration_cast<std::chrono::milliseconds>(left).count()) + (left.count() > 0);
}

void PacketWorker::run() {
  // What a ready descriptor means, by its place here.
  std::vector<std::function<void()>> readers;
  const auto watch = [&](int fd, std::function<void()> read) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u64 = readers.size();
    readers.push_back(std::move(read));
    (void)::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event);
  };
  watch(wakeup_.get(), [this] {
    uint64_t count = 0;
    (void)::eventfd_read(wakeup_.get(), &count);
  });
  for (const auto& socket : descriptors_.udp) {
    const bool spare = socket.worker == UdpDescriptor::kSpare && number_ == 0;
    if (!socket.keying() && (socket.worker == number_ || spare))
      watch(socket.fd.get(), [this, &socket] { read_udp(socket); });
  }
  const auto watch_raw = [&](const Fd& socket, Family family, model::Protocol protocol) {
    if (socket && number_ == 0)
      watch(socket.get(), [this, &socket, family, protocol] { read_raw(socket, family, protocol); });
  };
  watch_raw(descriptors_.esp_v4, Family::v4, model::Protocol::ESP);
  watch_raw(descriptors_.esp_v6, Family::v6, model::Protocol::ESP);
  watch_raw(descriptors_.ah_v4, Family::v4, model::Protocol::AH);
  watch_raw(descriptors_.ah_v6, Family::v6, model::Protocol::AH);
  if (descriptors_.tun) watch(device_.fd(), [this] { read_device(); });

  std::array<epoll_event, 8> ready{};
  std::unique_lock turn(turns_);
  while (!stopping_) {
    sleeps_until_ = dataplane_.next_deadline();
    int wait = wait_milliseconds();
    turn.unlock();
    // Who puts something behind this look sees that this worker sleeps, and wakes it.
    asleep_.store(true, std::memory_order_seq_cst);
    if (anything_handed()) wait = 0;
    const int count = ::epoll_wait(epoll_.get(), ready.data(), static_cast<int>(ready.size()), wait);
    asleep_.store(false, std::memory_order_relaxed);
    turn.lock();
    take_handed();
    for (int i = 0; i < count; ++i) readers[ready[static_cast<size_t>(i)].data.u64]();
    const TimePoint now = monotonic_now();
    if (const auto due = dataplane_.next_deadline(); due && *due <= now) {
      dataplane_.handle_deadline(now);
      drain();
    }
  }
}

void PacketWorker::read_udp(const UdpDescriptor& socket) {
  for (int round = 0; round < kBatchesPerWakeup; ++round) {
    const auto datagrams = batch_.receive(socket.fd.get(), socket.port);
    if (datagrams.empty()) break;
    for (const auto& datagram : datagrams) take_datagram(socket, datagram);
    if (!ike_.empty()) callbacks_.on_ike(std::exchange(ike_, {}));
    give_esp();
    drain();
    if (datagrams.size() < DatagramBatch::kSlots) break;
  }
}

void PacketWorker::take_stray_esp(const ReceivedDatagram& about, ByteView packet) {
  call([&](stack::Dataplane&) {
    ++counters_.datagrams_in;
    ReceivedDatagram one = about;
    one.segment_octets = 0;
    add_esp(one, packet, true);
    give_esp();
  });
}

// The kernel joins whatever one peer sent in one size (UDP_GRO): a train may hold IKE beside ESP.
void PacketWorker::take_datagram(const UdpDescriptor& socket, const ReceivedDatagram& datagram) {
  const size_t segment = datagram.segment_octets != 0 ? datagram.segment_octets : datagram.payload.size();
  ByteView rest = datagram.payload;
  ByteView esp;  // those seen last, one behind the other
  do {
    const ByteView one = rest.first(std::min(segment, rest.size()));
    rest = rest.subspan(one.size());
    ++counters_.datagrams_in;
    const auto demuxed = stack::demux(one, socket.natt);
    if (demuxed.to == stack::Demuxed::To::esp) {
      if (!esp.empty() && owner_of(one) != owner_of(esp)) add_esp(datagram, std::exchange(esp, {}), true);
      esp = {esp.empty() ? one.data() : esp.data(), esp.size() + one.size()};
      continue;
    }
    if (!esp.empty()) add_esp(datagram, std::exchange(esp, {}), true);
    if (demuxed.to == stack::Demuxed::To::ike) {
      take_ike(socket, datagram, demuxed.payload);
    } else if (demuxed.to == stack::Demuxed::To::nobody) {
      ++counters_.not_for_us;
    }
  } while (!rest.empty());
  if (!esp.empty()) add_esp(datagram, esp, true);
}

void PacketWorker::take_ike(const UdpDescriptor& socket, const ReceivedDatagram& datagram, ByteView message) {
  if (ike_waiting_.load(std::memory_order_relaxed) >= kMostIkeWaiting) {
    ++counters_.ike_dropped;
    return;
  }
  ike_waiting_.fetch_add(1, std::memory_order_relaxed);
  ike_.push_back({datagram.local, datagram.remote, datagram.interface_index, socket.natt, to_bytes(message)});
}

void PacketWorker::read_raw(const Fd& socket, Family family, model::Protocol protocol) {
  for (int round = 0; round < kBatchesPerWakeup; ++round) {
    const auto datagrams = batch_.receive(socket.get(), 0, family == Family::v4);
    if (datagrams.empty()) break;
    counters_.datagrams_in += datagrams.size();
    for (const auto& datagram : datagrams) {
      add_esp(datagram, datagram.payload, false, protocol, datagram.outer_octets);
    }
    give_esp();
    drain();
    if (datagrams.size() < DatagramBatch::kSlots) break;
  }
}

void PacketWorker::add_esp(const ReceivedDatagram& datagram, ByteView payload, bool udp, model::Protocol protocol,
                           uint16_t outer_octets) {
  ipsec::Incoming in;
  in.packet = payload;
  in.segment_octets = datagram.segment_octets;
  in.from = datagram.remote;
  in.to = datagram.local;
  in.tos = datagram.tos;
  in.udp = udp;
  in.protocol = protocol;
  in.outer_octets = outer_octets;
  const uint16_t owner = owner_of(payload.subspan(std::min<size_t>(outer_octets, payload.size())), protocol);
  if (owner != number_) return hand_over(owner, in);
  incoming_.push_back(in);
}

uint16_t PacketWorker::owner_of(ByteView packet, model::Protocol protocol) const {
  const size_t spi_at = protocol == model::Protocol::AH ? 4 : 0;
  if (workers_.empty() || packet.size() < spi_at + 4) return number_;
  return ipsec::shard_of(load_be32(&packet[spi_at]), workers_.size());
}

HandOverRing::Item* PacketWorker::place_at(uint16_t worker) {
  HandOverRing::Item* const place = workers_[worker]->inbox_[number_]->free_place();
  ++(place != nullptr ? counters_.handed_over : counters_.hand_over_full);
  return place;
}

void PacketWorker::hand_over(uint16_t worker, const ipsec::Incoming& in) {
  HandOverRing::Item* const place = place_at(worker);
  if (place == nullptr) return;
  place->handed.packet.assign(in.packet);
  place->esp = true;
  place->about = in;
  workers_[worker]->inbox_[number_]->put();
  wake(*workers_[worker]);
}

void PacketWorker::hand_over_inner() {
  for (stack::Handed& handed : dataplane_.take_handed()) {
    const uint16_t worker = handed.shard;
    HandOverRing::Item* const place = place_at(worker);
    if (place == nullptr) continue;
    std::swap(place->handed, handed);
    place->esp = false;
    workers_[worker]->inbox_[number_]->put();
    handed_to_[worker] = true;
  }
  for (size_t i = 0; i < handed_to_.size(); ++i) {
    if (handed_to_[i]) wake(*workers_[i]);
    handed_to_[i] = false;
  }
}

void PacketWorker::wake(PacketWorker& other) {
  if (other.asleep_.exchange(false, std::memory_order_seq_cst)) (void)::eventfd_write(other.wakeup_.get(), 1);
}

bool PacketWorker::anything_handed() const {
  return std::any_of(inbox_.begin(), inbox_.end(), [](const auto& ring) { return ring->waiting() != 0; });
}

void PacketWorker::take_handed() {
  for (const auto& ring : inbox_) {
    const size_t count = std::min(ring->waiting(), kInnerBatch);
    if (count == 0) continue;
    const TimePoint now = monotonic_now();
    for (size_t i = 0; i < count; ++i) {
      HandOverRing::Item& item = ring->at(i);
      if (!item.esp) {
        dataplane_.handle_handed(now, item.handed);
        continue;
      }
      item.about.packet = item.handed.packet.view();
      dataplane_.handle_esp(now, {&item.about, 1});
    }
    drain();
    ring->taken(count);
  }
}

void PacketWorker::give_esp() {
  if (!incoming_.empty()) dataplane_.handle_esp(monotonic_now(), incoming_);
  incoming_.clear();
}

void PacketWorker::read_device() {
  for (int round = 0; round < kBatchesPerWakeup; ++round) {
    const size_t count = device_.read(inner_, kInnerOctets);
    if (count == 0) break;
    counters_.device_packets_in += count;
    dataplane_.handle_inner_packets(monotonic_now(), std::span(inner_).first(count));
    drain();
  }
}

void PacketWorker::drain() {
  send_outputs();
  std::vector<stack::DataplaneEvent> events;
  while (auto event = dataplane_.poll_event()) events.push_back(std::move(*event));
  if (!events.empty()) callbacks_.on_events(std::move(events));
  while (const auto pong = dataplane_.poll_pong()) callbacks_.on_pong(*pong);
}

void PacketWorker::send_outputs() {
  for (const ipsec::Outgoing& out : dataplane_.take_outputs()) {
    if (out.packet.empty() || out.way == ipsec::Way::to_judge) continue;
    if (out.way != ipsec::Way::inner) {
      sender_.add(out);
    } else if (descriptors_.tun) {
      ++(device_.write(out.packet) ? counters_.device_packets_out : counters_.device_refused);
    }
  }
  hand_over_inner();
  // Its queues point into the outputs.
  if (const auto refusal = sender_.flush()) complain(*refusal);
  dataplane_.done();
}

void PacketWorker::complain(const EspSender::Refusal& refusal) {
  const TimePoint now = monotonic_now();
  if (now < next_complaint_) return;
  if (!refusal.too_long.empty()) {
    next_complaint_ = now + milliseconds(100);
    return callbacks_.on_too_long(refusal.remote.addr, refusal.too_long);
  }
  next_complaint_ = now + seconds(1);
  errno = refusal.error;
  callbacks_.on_refusal(explain("a datagram to " + refusal.remote.to_string() + " was refused", fail_errno().value()));
}

}  // namespace sallyport::runtime
