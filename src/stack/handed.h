// What one shard of the data plane gives to another: a packet, and what is to be done with it there. A value, so that
// it can cross from one thread to another.
#pragma once
#include <memory>

#include "base/ip_addr.h"
#include "base/packet_buf.h"
#include "ipsec/nat_flows.h"
#include "ipsec/outputs.h"
#include "stack/sa_origin.h"

namespace sallyport::stack {

// The SA that an opened packet came by, as far as whoever judges the packet has to know it.
struct CameBy {
  model::Spi spi = 0;
  uint32_t reqid = 0;
  bool encrypts = false;
  bool guaranteed_encryption = false;  // the peer wants the flow encrypted
  IpAddr local, remote;                // outer addresses
  std::shared_ptr<const SaOrigin> origin = nullptr;
  std::optional<ipsec::NatClient> nat_client = std::nullopt;
};

struct Handed {
  enum class What : uint8_t {
    judge_leaving,   // the other shard remembers its flow
    send,            // judged; `by` says by which SA of the other shard it leaves
    judge_arriving,  // opened; the other shard remembers its flow, `came_by` is what it came by
  };
  What what = What::judge_leaving;
  uint16_t shard = 0;  // that it is for
  PacketBuf packet;
  ipsec::SendBy by;
  CameBy came_by;
};

}  // namespace sallyport::stack
