// Calls of the filter engine as a client may send them: octets decide who calls what, in which order and with which
// argument; two connections of administrators and one of somebody else. What decodes encodes and decodes again; when
// all have gone, no session and no dynamic object is left.

// Links: policy
#include <cstdlib>

#include "policy/call_route.h"
#include "policy/net_event_call.h"
#include "support/seeded_rng.h"

using namespace sallyport;
using namespace sallyport::policy;

namespace {

template <class T>
void agree(ByteView octets) {
  const auto first = call::read<T>(octets);
  if (!first) return;
  const Bytes written = call::write(*first);
  const auto second = call::read<T>(written);
  if (!second || call::write(*second) != written) std::abort();
}

void decode(uint8_t number, ByteView octets) {
  using call::Function;
  const auto function = static_cast<Function>(number);
  if (function == Function::add_provider) return agree<Provider>(octets);
  if (function == Function::add_sublayer) return agree<SubLayer>(octets);
  if (function == Function::add_callout) return agree<Callout>(octets);
  if (function == Function::add_context) return agree<ProviderContext>(octets);
  if (function == Function::add_filter) return agree<Filter>(octets);
  if (function == Function::enum_create) return agree<call::EnumCreate>(octets);
  if (function == Function::subscribe) return agree<call::Subscribe>(octets);
  if (function == Function::tunnel_add) return agree<call::TunnelAdd>(octets);
  if (function == Function::enumerate_events || function == Function::subscribe_events)
    return agree<NetEventTemplate>(octets);
  if (function == Function::set_protection) return agree<call::SetProtection>(octets);
  agree<call::Reference>(octets);
}

CallRoute::Caller caller(uint64_t connection) {
  CallRoute::Caller out;
  std::vector<Sid> sids{known::sid::everyone()};
  if (connection != 2) sids.push_back(known::sid::administrators());
  out.token = token_of(std::move(sids));
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  test::SeededRng rng(1);
  Engine engine(rng);
  CallRoute route(engine);
  TimePoint now{};
  uint64_t request = 0;
  const auto drain = [&] {
    while (auto output = engine.poll()) route.heard(now, *output);
    while (route.poll()) {
    }
  };
  // who 1 | function 1 | length 2 | argument
  for (Reader in(ByteView(data, size)); in.left() >= 4 && request < 200;) {
    const uint8_t who = *in.u8(), function = *in.u8();
    const uint16_t wanted = *in.u16();
    const size_t length = std::min<size_t>(wanted, in.left());
    const ByteView argument = *in.view(length);
    const uint64_t connection = who % 3;
    now += seconds(who / 16);
    engine.handle_deadline(now);
    drain();
    if (who & 8) {
      route.closed(now, connection);
    } else {
      decode(function, argument);
      route.call(now, connection, ++request, caller(connection), function, argument);
    }
    drain();
  }
  for (uint64_t connection = 0; connection < 3; ++connection) route.closed(now, connection);
  drain();
  if (!engine.sessions().empty() || !engine.may_write(1)) std::abort();
  engine.snapshot()->filters.for_each([](const auto& filter) {
    if (filter->head.lifetime == Lifetime::dynamic) std::abort();
  });
  return 0;
}
