// One worker of the data plane: a thread with a shard (stack::Dataplane), the TUN device's queue and the sockets that
// ESP comes and leaves by. The shard is used by one thread at a time, in turns: the worker has one turn for what one
// wakeup brings, another thread has one by call(). So a handshake hands over its keys without a change of threads, and
// waits for one turn of the worker at most, as packets wait for one call. House §3.
#pragma once
#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "ike/keying_module.h"
#include "runtime/datagram_batch.h"
#include "runtime/descriptors.h"
#include "runtime/entropy.h"
#include "runtime/esp_sender.h"
#include "runtime/hand_over_ring.h"
#include "runtime/packet_counters.h"
#include "runtime/tun_queue.h"
#include "stack/dataplane.h"

namespace sallyport::runtime {

// A mutex that goes to whoever asked first, as long as there are two: a busy worker cannot keep the other out.
class Turns {
 public:
  void lock() {
    next_.lock();
    held_.lock();
    next_.unlock();
  }
  void unlock() { held_.unlock(); }

 private:
  std::mutex next_, held_;
};

class PacketWorker {
 public:
  // On the thread whose turn it is: the worker's, or the caller's of call().
  struct Callbacks {
    std::function<void(std::vector<ike::Datagram>)> on_ike;  // of one batch, from the sockets that carry both
    std::function<void(std::vector<stack::DataplaneEvent>)> on_events;
    std::function<void(stack::InnerHost::Pong)> on_pong;
    // The start of a whole packet that was too long for the first link.
    std::function<void(IpAddr remote, Bytes packet)> on_too_long;
    std::function<void(std::string)> on_refusal;  // the system refused to send; one sentence, once a second at most
  };
  using Task = std::function<void(stack::Dataplane&)>;

  // The descriptors stay their owner's and must outlive the worker.
  // number: which of the workers this is; it reads the queue and the sockets of that number.
  PacketWorker(const Descriptors& descriptors, std::optional<stack::InnerHost> inner_host, Callbacks callbacks,
               uint16_t number = 0);
  ~PacketWorker();  // stop()
  PacketWorker(const PacketWorker&) = delete;
  PacketWorker& operator=(const PacketWorker&) = delete;

  // Until start() no descriptor is read, so that the policy is in place before the first packet is.
  void start();
  void stop();  // ends the thread
  // All workers by their numbers, this one too. Before start(); until they are all stopped each may reach the others.
  void meet(const std::vector<std::unique_ptr<PacketWorker>>& all);
  // Runs the task on the caller's thread, in a turn of its own, and sends what the shard has to say. Not from a
  // callback.
  void call(const Task& task);
  PacketCounters counters();  // by call()
  // One ESP packet that came in UDP to a socket of the keying thread's; by call().
  void take_stray_esp(const ReceivedDatagram& about, ByteView packet);
  // The keying thread has taken one more IKE message from on_ike. Any thread.
  void ike_taken(size_t messages) { ike_waiting_.fetch_sub(messages, std::memory_order_relaxed); }

 private:
  static constexpr size_t kMostIkeWaiting = 1024;

  void run();
  int wait_milliseconds() const;
  void read_udp(const UdpDescriptor& socket);
  void read_raw(const Fd& socket, Family family, model::Protocol protocol);
  void read_device();
  void take_datagram(const UdpDescriptor& socket, const ReceivedDatagram& datagram);
  void take_ike(const UdpDescriptor& socket, const ReceivedDatagram& datagram, ByteView message);
  void add_esp(const ReceivedDatagram& datagram, ByteView payload, bool udp,
               model::Protocol protocol = model::Protocol::ESP, uint16_t outer_octets = 0);
  // The worker that has the SA of this packet, if there is one.
  uint16_t owner_of(ByteView packet, model::Protocol protocol = model::Protocol::ESP) const;
  HandOverRing::Item* place_at(uint16_t worker);
  void hand_over(uint16_t worker, const ipsec::Incoming& in);
  void hand_over_inner();
  void wake(PacketWorker& other);
  bool anything_handed() const;
  void take_handed();
  void give_esp();
  void drain();
  void send_outputs();
  void complain(const EspSender::Refusal& refusal);

  const Descriptors& descriptors_;
  uint16_t number_;
  Callbacks callbacks_;
  SystemRng rng_;
  stack::Dataplane dataplane_;
  TunQueue device_;
  DatagramBatch batch_;
  std::vector<PacketBuf> inner_;
  std::vector<ipsec::Incoming> incoming_;  // keeps its memory between batches, as the others do
  std::vector<ike::Datagram> ike_;
  PacketCounters counters_;
  EspSender sender_;
  TimePoint next_complaint_{};
  std::atomic<size_t> ike_waiting_{0};

  std::vector<PacketWorker*> workers_;                // by number; empty: this one is alone
  std::vector<std::unique_ptr<HandOverRing>> inbox_;  // by the number of who puts
  std::vector<bool> handed_to_;                       // who is to be woken
  std::atomic<bool> asleep_{false};

  Fd epoll_, wakeup_;
  Turns turns_;                            // guard everything above but descriptors_ and ike_waiting_
  std::optional<TimePoint> sleeps_until_;  // by turns_: the deadline that the worker goes to sleep with
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

}  // namespace sallyport::runtime
