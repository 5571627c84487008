// When to ask whether the peer is alive. RFC 7296 2.4.
#include "ike/v2/liveness.h"

namespace sallyport::ike::v2::liveness {

void rearm(IkeSa& sa, TimePoint now) {
  const model::ConnectionPolicy* c = sa.connection();
  if (!c || c->dpd_delay <= Duration::zero() || !sa.established()) {
    sa.timers.clear(Timer::liveness);
    return;
  }
  const TimePoint due = sa.last_received + c->dpd_delay;
  sa.timers.set(Timer::liveness, due > now ? due : now + c->dpd_delay);
}

void handle_deadline(IkeSa& sa, TimePoint now) {
  const model::ConnectionPolicy* c = sa.connection();
  if (!c || !sa.established()) return;
  // Any request of ours that is out already serves as the check: it is retransmitted until answered or given up.
  const bool silent = sa.last_received + c->dpd_delay <= now;
  if (silent && sa.window.can_send() && !sa.active()) {
    sa.queue(Task(Task::Kind::liveness));
    sa.start_tasks(now);
  }
  rearm(sa, now);
}

}  // namespace sallyport::ike::v2::liveness
