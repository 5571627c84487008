// Negotiation discovery takes clear packets until a flow has been secured. When an SA has stood for the policy's
// ndAllowClearTimeoutSeconds, the clear packets of its traffic are refused too that no protected one has come after:
// what was on its way has arrived by then. MS-IKEE 3.3; [scenario 3]. Pure; one thread.
#pragma once
#include <map>
#include <optional>
#include <vector>

#include "base/time.h"
#include "model/sa_spec.h"

namespace sallyport::stack {

// Whose packets have to be protected from now on: any pair of them.
struct SettledTraffic {
  model::Selectors local, remote;
  bool operator==(const SettledTraffic&) const = default;
};

class SettledPeers {
 public:
  static constexpr size_t kMost = 1024;              // SAs; for more it stays as it was before the timeout
  static constexpr Duration kTogether = seconds(1);  // each change is new rules for the host's packet filter

  // From now on, after `timeout`; what replaces another SA settles when that one does.
  void add(TimePoint now, model::ChildId child, SettledTraffic traffic, Duration timeout,
           std::optional<model::ChildId> replaces);
  void remove(TimePoint now, model::ChildId child);

  // True: traffic() may be another one than before.
  bool handle_deadline(TimePoint now);
  std::optional<TimePoint> next_deadline() const { return look_at_; }
  std::vector<SettledTraffic> traffic() const;  // that has settled, each once

 private:
  struct Peer {
    SettledTraffic traffic;
    TimePoint due{};
    bool settled = false;
  };
  void look(TimePoint at);

  std::map<model::ChildId, Peer> peers_;
  std::optional<TimePoint> look_at_;
  TimePoint looked_{};
  bool removed_ = false;
};

}  // namespace sallyport::stack
