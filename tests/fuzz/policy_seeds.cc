// The seeds of fuzz_policy_call.cc, fuzz_policy_store.cc and fuzz_socket_call.cc: policy_seeds FOLDER writes them,
// policy_seeds --check FOLDER compares.
#include "fuzz/seed_files.h"
#include "policy/net_event_call.h"
#include "policy/socket_call.h"
#include "policy/store.h"
#include "support/policy_samples.h"

using namespace sallyport;
using namespace sallyport::support;
using call::Function;

namespace {

class Calls {
 public:
  template <class T>
  Calls& call(uint8_t who, Function function, T argument) {
    const Bytes octets = policy::call::write(std::move(argument));
    out_.u8(who);
    out_.u8(static_cast<uint8_t>(function));
    out_.u16(static_cast<uint16_t>(octets.size()));
    out_.bytes(octets);
    return *this;
  }
  Calls& open(uint8_t who, uint32_t flags = 0) {
    policy::call::Open open;
    open.display.name = "seed";
    open.flags = flags;
    return call(who, Function::engine_open, open);
  }
  Calls& close(uint8_t who) { return call(static_cast<uint8_t>(who | 8), Function::engine_close, uint32_t{0}); }
  Bytes take() { return out_.take(); }

 private:
  Writer out_;
};

Filter carrying(Layer layer, const Guid& context) {
  Filter out = filter(layer, ActionType::PERMIT);
  out.head.flags = Filter::kHasProviderContext;
  out.provider_context = context;
  return out;
}

Bytes objects() {
  Provider provider;
  provider.head = {guid(1), {"provider", ""}, 0, {}, {}, {}, 0, {}};
  SubLayer sublayer;
  sublayer.head.key = guid(2);
  sublayer.head.display.name = "sublayer";
  sublayer.head.provider = guid(1);
  Callout callout;
  callout.head.display.name = "callout";
  callout.layer = Layer::IPFORWARD_V6;
  return Calls()
      .open(0)
      .call(0, Function::txn_begin, uint32_t{0})
      .call(0, Function::add_provider, provider)
      .call(0, Function::add_sublayer, sublayer)
      .call(0, Function::add_callout, callout)
      .call(0, Function::add_context, context(ContextType::IPSEC_IKEV2_MM, ike_policy(), guid(3)))
      .call(0, Function::add_filter, carrying(Layer::IKEEXT_V4, guid(3)))
      .call(0, Function::add_filter,
            filter(Layer::OUTBOUND_TRANSPORT_V4, ActionType::BLOCK,
                   {v4_net(Field::IP_REMOTE_ADDRESS, "10.0.0.0/8"), equal(Field::IP_REMOTE_PORT, uint16_t{443})}))
      .call(0, Function::txn_commit, uint32_t{0})
      .call(0, Function::get, call::Reference{3, guid(3), 0})
      .call(0, Function::remove, call::Reference{0, guid(1), 0})
      .close(0)
      .take();
}

Bytes enumerations() {
  call::EnumCreate filters;
  filters.what = 4;
  filters.filter.emplace();
  filters.filter->layer = Layer::IKEEXT_V4;
  filters.filter->flags = FilterTemplate::kSorted;
  return Calls()
      .open(1)
      .call(1, Function::enum_create, filters)
      .call(1, Function::enum_create, call::EnumCreate{call::kEnumLayers, {}, {}})
      .call(1, Function::enum_create, call::EnumCreate{2, ObjectTemplate{{}, Layer::ALE_AUTH_CONNECT_V4, {}}, {}})
      .call(1, Function::enum_next, call::EnumNext{1, 10})
      .call(1, Function::enum_next, call::EnumNext{2, 3})
      .call(1, Function::enum_next, call::EnumNext{3, 0xffffffff})
      .call(1, Function::enum_destroy, uint64_t{2})
      .call(1, Function::get_layer, call::Reference{0, {}, 16})
      .take();
}

// Two write, one of them waits; notices; somebody without rights.
Bytes sessions() {
  return Calls()
      .open(0)
      .open(1, SessionRequest::kDynamic)
      .open(2)
      .call(0, Function::subscribe, call::Subscribe{4, 3, {}, {}})
      .call(0, Function::txn_begin, uint32_t{0})
      .call(1, Function::add_filter, filter(Layer::INBOUND_TRANSPORT_V6, ActionType::PERMIT))
      .call(1, Function::add_filter, filter(Layer::IPSEC_V4, ActionType::PERMIT))
      .call(0, Function::txn_abort, uint32_t{0})
      .call(2, Function::add_filter, filter(Layer::IPSEC_V4, ActionType::PERMIT))
      .call(0, Function::unsubscribe, uint64_t{1})
      .close(1)
      .call(2, Function::txn_begin, uint32_t{1})
      .take();
}

Bytes tunnels() {
  call::TunnelAdd tunnel;
  tunnel.main_mode = context(ContextType::IPSEC_IKEV2_MM, ike_policy(), guid(5));
  TunnelPolicy policy;
  policy.proposals = {esp_proposal()};
  policy.endpoints.local = *IpAddr::parse("192.0.2.1");
  policy.endpoints.remote = *IpAddr::parse("192.0.2.2");
  tunnel.tunnel = context(ContextType::IPSEC_IKEV2_QM_TUNNEL, policy, guid(6));
  tunnel.conditions = {v4_net(Field::IP_LOCAL_ADDRESS, "10.1.0.0/16"), v4_net(Field::IP_REMOTE_ADDRESS, "10.2.0.0/16")};
  tunnel.key_module = known::keying_module::IKEV2;
  return Calls()
      .open(0)
      .call(0, Function::tunnel_add, tunnel)
      .call(0, Function::tunnel_remove, guid(6))
      .call(0, Function::get_protection, call::Protected{4, {}})
      .call(0, Function::set_protection,
            call::SetProtection{{call::kProtectEngine, {}}, 4, write_descriptor(default_protection())})
      .call(0, Function::set_option, call::SetOption{2, Value(uint32_t{1})})
      .call(0, Function::get_option, uint32_t{2})
      .take();
}

Bytes events() {
  NetEventTemplate wanted{
      5, 9, {equal(Field::NET_EVENT_TYPE, Value(uint32_t{0})), v4_net(Field::IP_REMOTE_ADDRESS, "192.0.2.0/24")}};
  return Calls()
      .open(0)
      .open(2)
      .call(0, Function::enumerate_events, wanted)
      .call(0, Function::subscribe_events, NetEventTemplate{})
      .call(0, Function::event_subscriptions, uint8_t{0})
      .call(0, Function::enum_next, call::EnumNext{1, 10})
      .call(2, Function::subscribe_events, wanted)
      .call(0, Function::set_option, call::SetOption{0, Value(uint32_t{0})})
      .call(0, Function::enumerate_events, wanted)
      .call(0, Function::unsubscribe, uint64_t{1})
      .take();
}

// What a store holds behind its header.
Bytes body_of(const StoreImage& image) {
  const Bytes file = write_store(image);
  return to_bytes(ByteView(file).subspan(kStoreHeaderOctets));
}

Bytes store_of_settings() {
  EngineSettings settings;
  settings.options[1] = 3;
  settings.containers.kinds[0] = administrators_only();
  StoreImage image;
  image.settings = settings;
  return body_of(image);
}

Bytes store_body() {
  StoreImage image;
  Provider provider;
  provider.head.key = guid(1);
  provider.head.display.name = "provider";
  provider.head.flags = Provider::kPersistent;
  image.providers = {provider};
  ProviderContext kept = context(ContextType::IPSEC_IKEV2_MM, ike_policy(), guid(3));
  kept.head.flags = ProviderContext::kPersistent;
  image.contexts = {kept};
  Filter main_mode = carrying(Layer::IKEEXT_V4, guid(3));
  main_mode.head.key = guid(4);
  main_mode.head.flags |= Filter::kPersistent;
  image.filters = {main_mode};
  return body_of(image);
}

template <class T>
Bytes socket_call(uint8_t kind, T value) {
  Bytes out{kind};
  append(out, policy::call::write(std::move(value)));
  return out;
}

Bytes socket_request() {
  policy::socket_call::Request request;
  request.function = policy::socket_call::Function::open;
  request.peer = policy::socket_call::Peer{{192, 0, 2, 7}, 443};
  request.name = "host/bob.example";
  request.settings.quick_mode = guid(7);
  request.file = {"/srv/files/report", 0, 0};
  return socket_call(0, std::move(request));
}

Bytes socket_answer() {
  policy::socket_call::Answer answer;
  answer.flags = policy::socket_call::kSecured;
  answer.main_mode_sa = 3;
  answer.quick_mode_sa = 9;
  answer.principal = "O=Example, CN=bob.example";
  answer.method = "certificate";
  answer.names = {answer.principal, "bob.example"};
  return socket_call(1, std::move(answer));
}

Bytes text(uint8_t kind, std::string_view words) {
  Bytes out{kind};
  append(out, as_bytes(words));
  return out;
}

}  // namespace

int main(int argc, char** argv) {
  return fuzz::seeds_main(argc, argv,
                          {{"policy_call/objects", objects()},
                           {"policy_call/enumerations", enumerations()},
                           {"policy_call/sessions", sessions()},
                           {"policy_call/tunnels", tunnels()},
                           {"policy_call/events", events()},
                           {"policy_store/objects", store_body()},
                           {"policy_store/settings", store_of_settings()},
                           {"socket_call/request", socket_request()},
                           {"socket_call/answer", socket_answer()},
                           {"socket_call/pattern", text(3, "/system.slice/nginx*.service/a")},
                           {"socket_call/path", text(3, "/usr/sbin/nginx")}});
}
