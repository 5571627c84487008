// The bookkeeping of Child SAs within their IKE SA. RFC 7296 2.8, 2.17.
#include "ike/v2/child_sa.h"

#include <algorithm>

#include "model/algorithms.h"

namespace sallyport::ike::v2 {

std::string_view to_string(ChildSa::State state) {
  switch (state) {
    case ChildSa::State::INSTALLED: return "INSTALLED";
    case ChildSa::State::REKEYING: return "REKEYING";
    case ChildSa::State::REKEYED: return "REKEYED";
    case ChildSa::State::DELETING: return "DELETING";
  }
  return "?";
}

ChildSa* find_child(IkeSa& sa, model::ChildId id) {
  for (const auto& child : sa.children) {
    if (child->id == id) return child.get();
  }
  return nullptr;
}

ChildSa* find_child_by_spi_in(IkeSa& sa, model::Spi spi) {
  for (const auto& child : sa.children) {
    if (child->spi_in == spi) return child.get();
  }
  return nullptr;
}

ChildSa* find_child_by_spi_out(IkeSa& sa, model::Protocol protocol, model::Spi spi) {
  for (const auto& child : sa.children) {
    if (child->chosen.protocol == protocol && child->spi_out == spi) return child.get();
  }
  return nullptr;
}

static bool names_ports(const model::Selectors& selectors) {
  return std::any_of(selectors.begin(), selectors.end(), [](const model::Selector& s) { return !s.any_port(); });
}

static model::PacketShape agreed_shape(const ChildAgreement& agreed) {
  model::PacketShape shape = agreed.policy.shape;
  if (!agreed.peer_takes_tfc) shape.tfc_octets = 0;
  // RFC 7296 1.3.1: without NON_FIRST_FRAGMENTS_ALSO from both no fragment without ports may travel in an SA that names
  // ports; what is too big is then cut after protection, which makes no such fragment.
  const bool ports = names_ports(agreed.ts_local) || names_ports(agreed.ts_remote);
  if (ports && !agreed.non_first_fragments) shape.fragment = model::PacketShape::Fragment::after;
  return shape;
}

Result<model::SaSpec> make_child(IkeSa& sa, const ChildAgreement& agreed, const ChildKeying& keying) {
  SP_TRY(ChildKeys keys, derive_child_keys(sa.chosen.prf, sa.keys.sk_d.view(), agreed.chosen, keying.shared,
                                           keying.nonce_i, keying.nonce_r));
  model::SaSpec spec;
  spec.child_id = sa.host.new_child_id();
  spec.connection = std::string(sa.connection_name());
  spec.child = agreed.policy.name;
  spec.reqid = agreed.policy.reqid;
  spec.protocol = agreed.chosen.protocol;
  spec.mode = agreed.mode;
  spec.spi_in = agreed.spi_in;
  spec.spi_out = agreed.spi_out;
  spec.local = sa.local;
  spec.remote = sa.remote;
  // RFC 3948 has no AH.
  const bool esp_alone = spec.protocol == model::Protocol::ESP && agreed.policy.outer_reqid == 0;
  spec.udp_encap = esp_alone && sa.udp_encap();
  spec.native_too = spec.udp_encap && !sa.behind_nat();
  spec.encr = agreed.chosen.encr;
  spec.key_bits = agreed.chosen.key_bits;
  spec.integ = agreed.chosen.integ;
  spec.esn = agreed.chosen.esn;
  spec.replay_window = agreed.policy.replay_window;
  spec.shape = agreed_shape(agreed);
  spec.non_first_fragments = agreed.non_first_fragments;
  spec.original_source = agreed.original_source;
  spec.original_destination = agreed.original_destination;
  spec.resource = agreed.resource;
  spec.per_resource = agreed.per_resource;
  spec.peer_boundary = agreed.peer_boundary;
  spec.guaranteed_encryption = agreed.guaranteed_encryption;
  spec.asked_by_peer = !keying.exchange_initiator;
  spec.outer_reqid = agreed.policy.outer_reqid;
  spec.ts_local = agreed.ts_local;
  spec.ts_remote = agreed.ts_remote;
  spec.soft = agreed.policy.rekey;
  spec.hard = agreed.policy.hard;
  spec.out = std::move(keying.exchange_initiator ? keys.initiator_to_responder : keys.responder_to_initiator);
  spec.in = std::move(keying.exchange_initiator ? keys.responder_to_initiator : keys.initiator_to_responder);
  return spec;
}

void report_child_refused(IkeSa& sa, std::string child, ChildRefusal why, bool initiated) {
  AttemptFailed event{std::string(sa.connection_name()),
                      std::move(child),
                      why.error.code,
                      std::move(why.sentence),
                      std::move(why.ours),
                      std::move(why.peers),
                      initiated};
  event.phase = AttemptFailed::Phase::child;
  event.by_peer = why.by_peer;
  sa.host.emit(Event(describe_ends(sa, std::move(event))));
}

static void log_keys(IkeSa& sa, const model::SaSpec& spec) {
  const auto one = [&](const IpAddr& from, const IpAddr& to, model::Spi spi, const model::DirectionKeys& keys) {
    KeyLog::Child log{
        from, to, spi, spec.encr, spec.key_bits, spec.integ, keys.encr.clone(), keys.integ.clone(), spec.protocol};
    sa.host.emit(Event(KeyLog{std::move(log)}));
  };
  one(spec.local.addr, spec.remote.addr, spec.spi_out, spec.out);
  one(spec.remote.addr, spec.local.addr, spec.spi_in, spec.in);
}

ChildSa& install_child(IkeSa& sa, TimePoint now, const ChildAgreement& agreed, model::SaSpec spec) {
  if (agreed.lease) agreed.lease->installed = true;
  auto child = std::make_unique<ChildSa>();
  child->id = spec.child_id;
  child->name = spec.child;
  child->reqid = spec.reqid;
  child->mode = spec.mode;
  child->spi_in = spec.spi_in;
  child->spi_out = spec.spi_out;
  child->chosen = agreed.chosen;
  child->ts_local = spec.ts_local;
  child->ts_remote = spec.ts_remote;
  child->udp_encap = spec.udp_encap;
  child->peer_boundary = agreed.peer_boundary;
  child->guaranteed_encryption = agreed.guaranteed_encryption;
  child->asked_by_peer = spec.asked_by_peer;
  child->serves_asker = agreed.policy.serves_asker;
  child->per_resource = agreed.per_resource;
  child->resource = agreed.resource;
  child->born = now;
  sa.children.push_back(std::move(child));
  ChildSa& installed = *sa.children.back();
  if (sa.host.config().key_log) log_keys(sa, spec);
  sa.host.emit(Event(ChildSaReady{sa.id, std::move(spec), agreed.chosen.group}));
  return installed;
}

void remove_child(IkeSa& sa, model::ChildId id, Duration linger) {
  const auto it =
      std::find_if(sa.children.begin(), sa.children.end(), [&](const auto& child) { return child->id == id; });
  if (it == sa.children.end()) return;
  sa.host.emit(Event(ChildSaRemoved{sa.id, id, (*it)->spi_in, (*it)->spi_out, linger}));
  sa.children.erase(it);
}

}  // namespace sallyport::ike::v2
