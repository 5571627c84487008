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

// About 16 s until a peer that may have lost its IKE SA is given up, and 4 s when it answers us that it has.
static constexpr RetransmitPolicy kQuick{milliseconds(500), 2.0, 4};
static constexpr RetransmitPolicy kDenied{milliseconds(500), 2.0, 2};

static void hurry(IkeSa& sa, TimePoint now, const RetransmitPolicy& quick) {
  sa.window.hurry(now, quick);
  sa.timers.set(Timer::retransmit, *sa.window.deadline());
  sa.host.touch(sa);
}

void hint(IkeSa& sa, TimePoint now) {
  if (!sa.established() || (sa.hinted_at && now - *sa.hinted_at < kHintInterval)) return;
  if (sa.active() && sa.window.can_send()) return;  // about to ask anyway: its key work is under way
  sa.hinted_at = now;
  ++sa.host.counters().hints_followed;
  sa.host.count_row("liveness check after a hint");
  if (!sa.active()) {
    sa.queue(Task(Task::Kind::liveness));
    sa.start_tasks(now);
  }
  if (!sa.window.can_send()) hurry(sa, now, kQuick);
}

void denied(IkeSa& sa, TimePoint now) {
  if (sa.established() && !sa.window.can_send()) hurry(sa, now, kDenied);
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
