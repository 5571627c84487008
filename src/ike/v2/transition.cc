// Finds and takes a transition row.
#include "ike/v2/transition.h"

namespace sallyport::ike::v2 {

Result<> take_row(std::span<const Row> rows, Role role, IkeSa& sa, TimePoint now, const wire::ike2::Message& message) {
  for (const Row& row : rows) {
    if (row.from != sa.state() || row.role != role) continue;
    SP_CHECK(check_payloads(row.payloads, message.payloads));
    sa.host.count_row(row.story);
    const IkeState from = sa.state();
    sa.row = row.story;
    row.apply(sa, now, message);
    sa.row = {};
    if (sa.state() == from) {
      sa.host.emit(Event(
          StateChanged{sa.id, std::string(sa.connection_name()), to_string(from), to_string(from), row.story, {}}));
    }
    return {};
  }
  return fail(Errc::state);
}

}  // namespace sallyport::ike::v2
