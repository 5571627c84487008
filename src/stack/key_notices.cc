// Key managers (IPSEC_KEY_MANAGER0): registered, listed, forgotten with their session, and told the keys of every pair
// of SAs that is negotiated for a policy which says KEY_MANAGER_ALLOW_NOTIFY_KEY. Nobody dictates a key: that takes a
// keying module whose peers compare the weights of their key managers and carry the winner's keys, as AuthIP's payloads
// 0x88 and 0x89 do; in IKEv2 (RFC 7296 2.17) both ends derive them. See sa_calls.h.
#include "policy/access.h"
#include "stack/sa_calls.h"
#include "stack/sa_details.h"
#include "stack/sa_transforms.h"

namespace sallyport::stack {

namespace access = policy::access;
using policy::Database;
using policy::Fwp;
using policy::KeyDictator;
using policy::Outcome;
using policy::refuse;
using policy::SessionId;

namespace {

// The archive of the notice in memory that is wiped, and never moved while it is written.
SecretBytes write_notice(policy::SaContext context, const Control::SaKeys& keys) {
  policy::KeysNotice notice{std::move(*context.inbound), std::move(*context.outbound)};
  const size_t without = policy::call::write(notice).size();
  put_keys(keys.in, notice.inbound.bundle.sas.front());
  put_keys(keys.out, notice.outbound.bundle.sas.front());
  size_t octets = without;
  for (const auto* half : {&notice.inbound, &notice.outbound}) {
    const policy::SaMaterial& sa = half->bundle.sas.front();
    octets += sa.auth_key.view().size() + sa.cipher_key.view().size();
  }
  Bytes room;
  room.reserve(octets);
  policy::ArchiveWriter out(std::move(room));
  policy::walk(out, notice);
  return SecretBytes(out.out().take());
}

}  // namespace

void SaCalls::hear_keys() {
  for (const Control::SaKeys& keys : control_.take_keys()) {
    auto context = context_of(control_, keys.id);
    if (!context) continue;  // gone again
    const SecretBytes notice = write_notice(std::move(*context), keys);
    for (const auto& [id, each] : dictators_) {
      if (changes_.size() >= kMostChanges) break;
      changes_.push_back({each.session, id, notice.clone()});
    }
  }
}

Outcome<Bytes> SaCalls::dictators(SessionId session, Function function, ByteView octets) {
  const policy::Engine& engine = control_.filter_engine();
  if (function == Function::dictators) {
    SP_CHECK(engine.may(session, Database::dictators, access::kEnum | access::kRead));
    std::vector<KeyDictator> out;
    for (const auto& [handle, each] : dictators_) out.push_back(each.who);
    return policy::call::write(std::move(out));
  }
  SP_CHECK(engine.outside_txn(session));
  SP_CHECK(engine.may(session, Database::dictators, access::kAdd));
  auto who = policy::call::read<KeyDictator>(octets);
  if (!who) return refuse(Fwp::WIN32_INVALID_PARAMETER);
  if (who->display.name.empty()) return refuse(Fwp::NULL_DISPLAY_NAME);
  if (who->flags & ~KeyDictator::kDictateKey) return refuse(Fwp::INVALID_FLAGS);
  if (who->dictation_timeout_hint > KeyDictator::kLongestDictation) return refuse(Fwp::INVALID_INTERVAL);
  if (dictators_.size() >= kMostDictators) return refuse(Fwp::NO_SYSTEM_RESOURCES);
  for (const auto& [handle, each] : dictators_) {
    if (each.who.key == who->key) return refuse(Fwp::ALREADY_EXISTS);
    if (each.who.flags & who->flags & KeyDictator::kDictateKey) return refuse(Fwp::KEY_DICTATOR_ALREADY_REGISTERED);
  }
  const policy::SubscriptionId id = kSubscriptionBit | ++last_;
  dictators_[id] = {session, std::move(*who)};
  control_.want_keys(true);
  return policy::call::write(uint64_t{id});
}

}  // namespace sallyport::stack
