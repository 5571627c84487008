// Reassembly of fragmented IKE messages. RFC 7383 2.6.
#include "ike/fragments.h"

namespace sallyport::ike {

Result<> FragmentStore::check(model::MessageId id, bool response, uint16_t number, uint16_t total) const {
  // RFC 7383 2.6: numbers run from 1 to the total.
  if (number == 0 || total == 0 || number > total || total > kMaxFragments) return fail(Errc::bad_value, number);
  if (!same(id, response)) return {};
  // RFC 7383 2.6: a smaller total belongs to an older attempt of the sender.
  if (total < total_) return fail(Errc::bad_value, total);
  if (total == total_ && parts_[number - 1u]) return fail(Errc::conflict, number);
  return {};
}

Result<std::optional<Reassembled>> FragmentStore::add(TimePoint now, model::MessageId id, bool response,
                                                      uint16_t number, uint16_t total, uint8_t first_payload,
                                                      Bytes inner) {
  SP_CHECK(check(id, response, number, total));
  if (!same(id, response) || total > total_) {
    clear();
    id_ = id;
    response_ = response;
    total_ = total;
    parts_.resize(total);
    deadline_ = now + kFragmentLifetime;
  }
  if (octets_ + inner.size() > kMaxReassembledOctets) {
    clear();
    return fail(Errc::limit);
  }
  // RFC 7383 2.5: only the first fragment names the first inner payload; in the others that field is zero.
  if (number == 1) {
    first_payload_ = first_payload;
  } else if (first_payload != 0) {
    return fail(Errc::bad_value, number);
  }
  octets_ += inner.size();
  parts_[number - 1u] = std::move(inner);
  if (++have_ < total_) return std::optional<Reassembled>{};

  Reassembled whole;
  whole.first_payload = first_payload_;
  whole.inner.reserve(octets_);
  for (const auto& part : parts_) append(whole.inner, *part);
  clear();
  return std::optional<Reassembled>(std::move(whole));
}

void FragmentStore::clear() {
  total_ = 0;
  have_ = 0;
  octets_ = 0;
  parts_.clear();
  deadline_.reset();
}

}  // namespace sallyport::ike
