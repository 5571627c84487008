// IKEv2 message codec: the clear part of a datagram, and the same octets taken as what was inside SK (octet 0 is the
// first payload's type). What parses is written and parsed again as the same. RFC 7296 3.2 to 3.16.
// Links: wire
#include <algorithm>

#include "fuzz/property.h"
#include "wire/ike2/message.h"

using namespace sallyport;
using namespace sallyport::wire::ike2;

namespace {

// Attributes that are not understood are not kept; the mark they leave on their transform is lost in writing.
void forget_marks(std::vector<Payload>& payloads) {
  for (Payload& payload : payloads) {
    auto* sa = std::get_if<SaPayload>(&payload);
    if (sa == nullptr) continue;
    for (model::Proposal& proposal : sa->proposals) {
      for (model::Transform& transform : proposal.transforms) transform.unusable = false;
    }
  }
}

// A selector payload of unknown types alone reads as empty, which no message may be written with.
bool writable(const std::vector<Payload>& payloads) {
  return std::none_of(payloads.begin(), payloads.end(), [](const Payload& payload) {
    const auto* ts = std::get_if<TsPayload>(&payload);
    return std::holds_alternative<SkPayload>(payload) || std::holds_alternative<SkfPayload>(payload) ||
           (ts != nullptr && ts->selectors.empty());
  });
}

void check_sealed(const std::vector<Payload>& payloads, size_t octets) {
  for (size_t i = 0; i < payloads.size(); ++i) {
    const auto* sk = std::get_if<SkPayload>(&payloads[i]);
    const auto* skf = std::get_if<SkfPayload>(&payloads[i]);
    if (sk == nullptr && skf == nullptr) continue;
    fuzz::holds(i + 1 == payloads.size(), "a sealed payload is the last one");
    fuzz::holds((sk != nullptr ? sk->body_at : skf->body_at) <= octets, "a sealed body lies inside the datagram");
    fuzz::holds(skf == nullptr || (skf->number >= 1 && skf->number <= skf->total), "fragments count from 1 to total");
  }
}

void check_message(ByteView input) {
  auto message = parse_message(input);
  if (!message) return;
  check_sealed(message->payloads, input.size());
  if (!writable(message->payloads)) return;
  const Bytes again = write_message(*message);
  fuzz::holds(again.size() <= input.size(), "writing adds nothing");
  auto second = parse_message(again);
  fuzz::holds(second.has_value(), "what was written parses");
  forget_marks(message->payloads);
  message->header.length = second->header.length;
  fuzz::holds(*second == *message, "parse(write(parse(x))) is parse(x)");
  fuzz::holds(write_message(*second) == again, "the second writing is the first");
}

void check_inner(PayloadType first, ByteView inner) {
  auto payloads = parse_payloads(first, inner);
  if (!payloads) return;
  fuzz::holds(find<SkPayload>(*payloads) == nullptr && find<SkfPayload>(*payloads) == nullptr,
              "nothing sealed stands inside SK");
  if (!writable(*payloads)) return;
  const PayloadChain chain = write_payloads(*payloads);
  const auto second = parse_payloads(chain.first, chain.bytes);
  fuzz::holds(second.has_value(), "an inner chain that was written parses");
  forget_marks(*payloads);
  fuzz::holds(*second == *payloads, "an inner chain reads back as the same");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t octets) {
  const ByteView input(bytes, octets);
  check_message(input);
  if (octets > 0) check_inner(static_cast<PayloadType>(input[0]), input.subspan(1));
  return 0;
}
