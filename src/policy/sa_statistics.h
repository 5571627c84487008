// IPSEC_STATISTICS1 and IKEEXT_STATISTICS1 as they travel: every counter by the interface's name for it, since the
// daemon started. What is not counted here stays 0. Values.
#pragma once
#include "policy/describe.h"

namespace sallyport::policy {

struct IpsecStatistics {
  uint32_t active_sas = 0, pending_negotiations = 0, total_added = 0, total_deleted = 0, successful_rekeys = 0,
           active_tunnels = 0;
  struct Drops {  // all of packets that came in
    uint32_t invalid_spi = 0, decryption = 0, authentication = 0, replay = 0, not_initialized = 0;
  };
  Drops esp, ah;
  uint32_t udp_esp_validation = 0, clear_text = 0, over_incorrect_sa = 0, not_matching_filters = 0, total_drops = 0;
  struct Traffic {  // octets of inner packets
    uint64_t encrypted = 0, authenticated_ah = 0, authenticated_esp = 0, transport = 0, tunnel = 0, packets = 0;
  };
  Traffic inbound, outbound;
};

struct IkeStatistics {  // of IKEv2
  struct Modes {        // of one IP version
    uint32_t active_main = 0, started_main = 0, successful_main = 0, failed_main = 0, responder_main = 0,
             new_responder_main = 0, active_quick = 0, started_quick = 0, successful_quick = 0, failed_quick = 0,
             acquires = 0;
  };
  Modes v4, v6;
  std::vector<uint32_t> errors;  // by ERROR_IPSEC_* - 13800
  uint32_t packets_received = 0, invalid_packets_received = 0;
};

// clang-format off
template <class A> void describe(A& a, IpsecStatistics::Drops& v) { walk_all(a, v.invalid_spi, v.decryption, v.authentication, v.replay, v.not_initialized); }
template <class A> void describe(A& a, IpsecStatistics::Traffic& v) { walk_all(a, v.encrypted, v.authenticated_ah, v.authenticated_esp, v.transport, v.tunnel, v.packets); }
template <class A> void describe(A& a, IpsecStatistics& v) {
  walk_all(a, v.active_sas, v.pending_negotiations, v.total_added, v.total_deleted, v.successful_rekeys, v.active_tunnels, v.esp, v.ah, v.udp_esp_validation, v.clear_text,
           v.over_incorrect_sa, v.not_matching_filters, v.total_drops, v.inbound, v.outbound);
}
template <class A> void describe(A& a, IkeStatistics::Modes& v) {
  walk_all(a, v.active_main, v.started_main, v.successful_main, v.failed_main, v.responder_main, v.new_responder_main, v.active_quick, v.started_quick, v.successful_quick,
           v.failed_quick, v.acquires);
}
template <class A> void describe(A& a, IkeStatistics& v) { walk_all(a, v.v4, v.v6, v.errors, v.packets_received, v.invalid_packets_received); }
// clang-format on

}  // namespace sallyport::policy
