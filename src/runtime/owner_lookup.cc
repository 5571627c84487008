// See owner_lookup.h.
#include "runtime/owner_lookup.h"

#include "policy/app_id.h"
#include "runtime/asked_packets.h"
#include "runtime/clock.h"
#include "runtime/datagram_batch.h"

namespace sallyport::runtime {
namespace {

constexpr int kSweepTimer = 6;
constexpr int kPacketsPerTurn = 256;

std::shared_ptr<const stack::SocketOwner> owner_of(const OwnerAnswer& answer) {
  if (answer.known == OwnerAnswer::Known::not_now) return nullptr;
  auto out = std::make_shared<stack::SocketOwner>();
  out->secured = answer.secured;
  if (answer.known == OwnerAnswer::Known::nobody) return out;
  out->user = std::make_shared<const policy::Token>(stack::token_of_account(answer.uid, answer.gids));
  if (!answer.program.empty()) out->program = policy::app_id_of(answer.program);
  return out;
}

}  // namespace

OwnerLookup::OwnerLookup(Loop& loop, Driver& driver, Fd asked, Fd whole_v4, Fd whole_v6)
    : loop_(loop),
      driver_(driver),
      asked_(std::move(asked)),
      whole_v4_(std::move(whole_v4)),
      whole_v6_(std::move(whole_v6)) {
  driver_.on_owner_wanted = [this](const stack::OwnerWanted& wanted) {
    // Later: the driver is in the middle of its outputs.
    loop_.post([this, wanted] { ask(wanted, false); });
  };
  driver_.count_beside(&arrivals_.drops());
  if (asked_) loop_.watch(asked_.get(), [this] { read(); });
}

OwnerLookup::~OwnerLookup() {
  driver_.on_owner_wanted = nullptr;
  driver_.count_beside(nullptr);
  if (asked_) loop_.unwatch(asked_.get());
}

void OwnerLookup::ask(const stack::OwnerWanted& wanted, bool clear_arrival) {
  const TimePoint now = monotonic_now();
  give_up(now);
  const Asked asked{wanted.flow, clear_arrival, now};
  if (!on_question || questions_.size() >= kMostAsked) return place(asked, nullptr);
  const uint64_t token = next_token_++;
  questions_.emplace(token, asked);
  const stack::HostFlow& flow = wanted.flow;
  on_question(token, {flow.protocol, {flow.local, flow.local_port}, {flow.remote, flow.remote_port}, wanted.accepted});
}

// The oldest are the first.
void OwnerLookup::give_up(TimePoint now) {
  while (!questions_.empty() && now - questions_.begin()->second.since >= kAnswerWithin)
    place(questions_.extract(questions_.begin()).mapped(), nullptr);
}

void OwnerLookup::found(uint64_t token, const OwnerAnswer& answer) {
  const auto node = questions_.extract(token);
  if (!node.empty()) place(node.mapped(), owner_of(answer));
}

void OwnerLookup::place(const Asked& asked, std::shared_ptr<const stack::SocketOwner> owner) {
  if (!asked.clear_arrival) return driver_.place_owner(asked.flow, std::move(owner));
  arrivals_.place_owner(monotonic_now(), driver_.control().filters(), asked.flow, std::move(owner));
  loop_.post([this] { pump(); });
}

void OwnerLookup::read() {
  const TimePoint now = monotonic_now();
  read_asked_packets(asked_, kPacketsPerTurn,
                     [&](ByteView packet) { arrivals_.handle_packet(now, driver_.control().filters(), packet); });
  pump();
}

void OwnerLookup::pump() {
  while (auto output = arrivals_.poll()) {
    if (const auto* wanted = std::get_if<stack::OwnerWanted>(&*output)) {
      ask(*wanted, true);
      continue;
    }
    const auto& deliver = std::get<stack::ClearArrivals::Deliver>(*output);
    const Fd& socket = deliver.destination.is_v4() ? whole_v4_ : whole_v6_;
    const OutgoingDatagram one{
        {IpAddr::any(deliver.destination.family()), 0}, {deliver.destination, 0}, 0, deliver.packet, 0, 0};
    if (socket) (void)send_batch(socket.get(), {&one, 1});
  }
  loop_.set_timer(kSweepTimer, arrivals_.next_deadline(), [this] {
    arrivals_.handle_deadline(monotonic_now());
    pump();
  });
}

}  // namespace sallyport::runtime
