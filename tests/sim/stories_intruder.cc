// The east's keys are known to somebody who says in its name what no honest peer says (robustness T28): the west must
// answer, keep within bounds and be well again once the true east has started anew. And the other way round: somebody
// with the west's keys refuses what the east asks for, and the east must not stay with an IKE SA that is good for
// nothing.
#include "sim/stories.h"
#include "support/session_forger.h"
#include "wire/ike/ike_header.h"

namespace sallyport::sim {

namespace {

using namespace wire::ike2;
using wire::ike::ExchangeType;

constexpr unsigned kTooMany = 300;  // Child SAs; an IKE SA holds 256

struct Intruder {
  explicit Intruder(World& world) : w(world) {}

  // True once the east has made keys for an IKE SA.
  bool learn() {
    if (w.east.key_log.empty()) return false;
    forger = test::SessionForger::create(w.east.key_log.back(), true);
    return forger != nullptr;
  }
  void send(ExchangeType exchange, const std::vector<Payload>& payloads) {
    const bool natt = natt_seen;
    Packet packet;
    packet.from = {w.east.setup().address, natt ? uint16_t{4500} : uint16_t{500}};
    packet.to = {w.west.setup().address, packet.from.port};
    packet.natt = natt;
    if (natt) packet.payload.assign(4, 0);
    append(packet.payload, forger->seal(exchange, false, next_id++, payloads));
    w.wire.launch(w.now(), std::move(packet));
  }
  std::vector<Payload> child_request(uint32_t spi, bool rekeys) {
    auto esp = *model::parse_proposal(model::Protocol::ESP, "aes128gcm16");
    esp.spi = Bytes(4);
    store_be32(esp.spi.data(), spi);
    std::vector<Payload> out;
    if (rekeys) out.push_back(NotifyPayload{3, esp.spi, NotifyType::REKEY_SA, {}});
    out.push_back(SaPayload{{esp}});
    out.push_back(NoncePayload{Bytes(32, static_cast<uint8_t>(spi))});
    out.push_back(TsPayload{true, {*model::parse_selector("10.1.0.0/24")}});
    out.push_back(TsPayload{false, {*model::parse_selector("10.2.0.0/24")}});
    return out;
  }
  std::vector<Payload> oddity() {
    const auto spi = static_cast<uint32_t>(w.dice.next());
    Bytes four(4);
    store_be32(four.data(), spi);
    switch (w.dice.below(8)) {
      case 0: return {DeletePayload{model::Protocol::ESP, {spi, spi, 0}}};
      case 1: return {NotifyPayload{3, four, NotifyType::CHILD_SA_NOT_FOUND, {}}};
      case 2: return {NotifyPayload{0, {}, NotifyType::INVALID_SYNTAX, {}}};
      case 3: return {UnknownPayload{200, Bytes(9, 1)}};
      case 4: return {NoncePayload{Bytes(16, 1)}, NoncePayload{Bytes(16, 2)}};
      case 5: return {SaPayload{}};
      case 6: return {NotifyPayload{1, {}, NotifyType::REKEY_SA, {}}, NoncePayload{Bytes(16, 3)}};
      default: return child_request(spi, true);
    }
  }

  World& w;
  std::unique_ptr<test::SessionForger> forger;
  model::MessageId next_id = 1;
  bool natt_seen = false;
};

// RFC 7296 1.2 knows nothing but IKE_AUTH there; robustness S2.
void before_authentication(World& w, Intruder& intruder) {
  w.on_the_way = [&](Packet& packet, bool from_east) {
    const size_t at = packet.natt ? 4 : 0;
    const bool auth = packet.payload.size() > at + 28 && packet.payload[at + 18] == 35;
    if (from_east && auth) intruder.natt_seen = packet.natt;
    return !(from_east && auth);
  };
  w.east.command(w.now(), stack::UpCommand{99, "site", {}});
  w.play(seconds(1));
  if (!intruder.learn()) return;
  intruder.send(w.dice.chance(500) ? ExchangeType::INFORMATIONAL : ExchangeType::CREATE_CHILD_SA,
                w.dice.chance(500) ? std::vector<Payload>{} : intruder.child_request(4711, false));
  w.play(seconds(2));
}

void after_authentication(World& w, Intruder& intruder) {
  w.on_the_way = [&](Packet& packet, bool from_east) {
    if (from_east && packet.payload.size() > 28) intruder.natt_seen = packet.natt;
    return true;
  };
  w.east.command(w.now(), stack::UpCommand{99, "site", {}});
  w.play(seconds(1));
  if (!intruder.learn()) return;
  w.east.sleep();
  intruder.next_id = 2;
  const bool flood = w.dice.chance(100);
  const unsigned messages = flood ? kTooMany : 20;
  for (unsigned i = 0; i < messages && w.well(); ++i) {
    if (flood) {
      intruder.send(ExchangeType::CREATE_CHILD_SA, intruder.child_request(0x10000 + i, false));
    } else {
      intruder.send(w.dice.chance(500) ? ExchangeType::INFORMATIONAL : ExchangeType::CREATE_CHILD_SA,
                    intruder.oddity());
    }
    w.play(milliseconds(20));
  }
  w.say("the true east starts anew");
  w.east.start(w.now());
  w.play(seconds(1));
}

// Takes every request of the east on the IKE SA whose keys it knows off the wire and answers it in the west's name:
// CREATE_CHILD_SA with a refusal, all else with an empty answer.
struct Refuser {
  Refuser(World& world, NotifyType with) : w(world), refusal(with) {}

  bool learn() {
    if (w.east.key_log.empty()) return false;
    const auto& keys = w.east.key_log.back();
    forger = test::SessionForger::create(keys, false);
    spi_i = keys.spi_i;
    return forger != nullptr;
  }
  // True: the packet goes on.
  bool look_at(const Packet& packet) {
    const size_t at = packet.natt ? 4 : 0;
    if (packet.payload.size() < at + 28 || packet.from.port == 0) return true;
    const auto header = wire::ike::parse_header(ByteView(packet.payload).subspan(at));
    if (!header || header->spi_i != spi_i || header->response_flag) return true;
    std::vector<Payload> answer;
    if (header->exchange == ExchangeType::CREATE_CHILD_SA) answer.push_back(NotifyPayload{0, {}, refusal, {}});
    Packet out;
    out.from = packet.to;
    out.to = packet.from;
    out.natt = packet.natt;
    out.payload.assign(at, 0);
    append(out.payload, forger->seal(header->exchange, true, header->message_id, answer));
    w.wire.launch(w.now(), std::move(out));
    return false;
  }

  World& w;
  const NotifyType refusal;
  std::unique_ptr<test::SessionForger> forger;
  model::IkeSpi spi_i = 0;
};

}  // namespace

void plan_false_answers(Plan& plan, test::SeededRng& dice) {
  plan_usual(plan, dice);
  plan.noise = {0, 0, 0, 0, milliseconds(10), milliseconds(5)};
  plan.key_log = true;
  plan.east.children = plan.west.children = 1;
  plan.east.start = plan.west.start = model::ChildPolicy::Start::none;
  plan.east.child = plan.west.child = "aes128gcm16";
  if (dice.chance(400)) {
    plan.east.soft.time = seconds(static_cast<int64_t>(20 + dice.below(60)));
    plan.east.hard.time = *plan.east.soft.time + seconds(static_cast<int64_t>(5 + dice.below(60)));
  } else if (dice.chance(500)) {
    plan.east_limits.message_id_rekey = static_cast<model::MessageId>(4 + dice.below(6));
    plan.east_limits.message_id_close = static_cast<model::MessageId>(12 + dice.below(6));
  }
}

void tell_false_answers(World& w, const Plan&) {
  w.east.command(w.now(), stack::UpCommand{99, "site", {}});
  w.play(seconds(5));
  constexpr NotifyType kRefusals[] = {NotifyType::INVALID_SYNTAX, NotifyType::TEMPORARY_FAILURE,
                                      NotifyType::NO_ADDITIONAL_SAS, NotifyType::NO_PROPOSAL_CHOSEN};
  Refuser refuser(w, kRefusals[w.dice.below(std::size(kRefusals))]);
  if (!refuser.learn()) return;
  w.say("the west refuses with " + std::string(to_string(refuser.refusal)));
  w.on_the_way = [&](Packet& packet, bool from_east) { return !from_east || refuser.look_at(packet); };
  const bool patient = refuser.refusal == NotifyType::TEMPORARY_FAILURE;
  for (int i = 0; i < 20 && w.well(); ++i) {
    if (!patient || i == 0) {
      w.east.command(w.now(),
                     w.dice.chance(500) ? stack::RekeyCommand{1, "site", "lan0"} : stack::RekeyCommand{2, "site", {}});
    }
    w.play(patient ? seconds(30) : seconds(static_cast<int64_t>(1 + w.dice.below(8))), milliseconds(800));
  }
  w.on_the_way = nullptr;
  w.say("the true west is heard again");
  w.east.set_limits({});
  w.east.start(w.now());
  w.play(seconds(1));
}

void tell_intruder(World& w, const Plan&) {
  Intruder intruder(w);
  if (w.dice.chance(300)) {
    before_authentication(w, intruder);
  } else {
    after_authentication(w, intruder);
  }
  w.on_the_way = nullptr;
}

}  // namespace sallyport::sim
