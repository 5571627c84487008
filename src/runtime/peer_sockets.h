// UDP sockets connected to the peers that most packets go to. A connected socket has its route: the kernel looks for it
// neither for what leaves nor, by early demultiplexing, for what comes. That saves most where no segmentation offload
// makes one packet of many. Which peers have one is decided by counts, never by a clock. One thread at a time.
#pragma once
#include <cstddef>
#include <vector>

#include "base/ip_addr.h"
#include "runtime/datagram_batch.h"
#include "runtime/descriptors.h"

namespace sallyport::runtime {

class PeerSockets {
 public:
  static constexpr uint32_t kWorthIt = 512;  // datagrams to one peer, out of the last few thousand
  static constexpr uint32_t kIdle = 16;      // one with fewer gives its socket away

  struct Peer {
    int fd = -1;
    bool connected = false;
    IpEndpoint remote;
    IpAddr source;  // what the kernel sends from
    uint32_t datagrams = 0;
    std::vector<OutgoingDatagram> queue;  // the user's: what this socket is to send
  };

  // Takes the spare sockets of this family; it connects them, whoever owns them reads them.
  void take_spares(const Descriptors& descriptors, Family family);
  // The peer's own socket, if it has one or is worth one now. A peer with a queue keeps its socket.
  Peer* find(const IpEndpoint& local, const IpEndpoint& remote, size_t datagrams);
  std::vector<Peer>& all() { return peers_; }

 private:
  struct Candidate {
    IpEndpoint remote;
    IpAddr source;  // an any-address: whatever the kernel takes
    uint32_t datagrams = 0;
    bool unfit = false;  // the kernel would send from another address
  };
  static constexpr size_t kCandidates = 16;
  static constexpr uint32_t kHalveEvery = 4096;

  Candidate& candidate(const IpEndpoint& local, const IpEndpoint& remote);
  Peer* connect(Candidate& to);
  void age(size_t datagrams);

  std::vector<Peer> peers_;
  std::vector<Candidate> candidates_;
  size_t since_halved_ = 0;
};

}  // namespace sallyport::runtime
