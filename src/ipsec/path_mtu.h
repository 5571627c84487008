// What ICMP errors from outside say about the path of our ESP and AH packets. RFC 4301 8.2.1, RFC 1191, RFC 8201. An
// error counts only when it quotes a packet that an SA of ours may have sent. Pure; one thread.
#pragma once
#include "ipsec/shard.h"

namespace sallyport::ipsec {

// icmp: the whole IP packet with the ICMP error. A pass: an SA's path MTU is lower now, for kLearnedFor.
// icmp_not_ours: no such error, or none that fits an SA; icmp_no_news: not below what is used already.
Verdict learn_path_mtu(Shard& shard, TimePoint now, ByteView icmp);

}  // namespace sallyport::ipsec
