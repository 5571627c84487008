// See socket_query.h.
#include "runtime/socket_query.h"

#include <algorithm>

#include "stack/peer_names.h"

namespace sallyport::runtime {
namespace {

namespace call = policy::socket_call;
using Broken = stack::FilterFlows::Broken;

constexpr uint32_t kWrongSa = 13912, kClearTextDrop = 13916;  // of winerror.h

bool covers(const model::Selectors& selectors, const IpAddr& address, uint16_t port, uint8_t protocol) {
  return std::any_of(selectors.begin(), selectors.end(), [&](const model::Selector& s) {
    return s.family() == address.family() && !(address < s.first) && !(s.last < address) &&
           (s.protocol == 0 || s.protocol == protocol) && s.port_first <= port && port <= s.port_last;
  });
}

// A socket bound to no address speaks by the one that its SA has.
stack::HostFlow flow_by(const ipsec::SaStatus& sa, stack::HostFlow flow) {
  if (flow.local.is_any()) flow.local = sa.local.addr;
  return flow;
}

// What the data plane says of one flow, asked once: each question waits for a turn of its threads.
class Carrier {
 public:
  explicit Carrier(const Driver& driver) : driver_(driver) {}
  bool may_be(const ipsec::SaStatus& sa, const stack::HostFlow& flow) {
    if (asked_ != flow) standing_ = driver_.standing(flow);
    asked_ = flow;
    return !standing_ || standing_->reqid == 0 || standing_->reqid == sa.reqid;
  }

 private:
  const Driver& driver_;
  stack::HostFlow asked_;  // of no protocol: none yet
  std::optional<stack::FilterFlows::Standing> standing_;
};

bool may_carry(const Driver& driver, Carrier& carrier, const QueriedSocket& socket, const ike::IkeSaStatus& ike_sa,
               const ike::ChildSaStatus& child, const ipsec::SaStatus& sa) {
  if (sa.lingering || sa.mode != model::Mode::transport || sa.remote.addr != socket.flow.remote) return false;
  const stack::HostFlow flow = flow_by(sa, socket.flow);
  if (!covers(child.ts_local, flow.local, flow.local_port, flow.protocol) ||
      !covers(child.ts_remote, flow.remote, flow.remote_port, flow.protocol))
    return false;
  const uint64_t serves = driver.control().socket_group_of(ike_sa.connection, child.child);
  if (socket.group != 0 && serves != 0 && serves != socket.group) return false;
  return carrier.may_be(sa, flow);
}

std::vector<std::string> names_by(const std::string& identity, const std::optional<ike::Proof>& proof) {
  return stack::names_of_peer(identity, proof ? ByteView(proof->certificate) : ByteView());
}

constexpr std::string_view kLocalName = "uid:";

// A local name is the kernel's to give: no peer proves one, whatever its certificate says.
std::string account_of(const Driver& driver, const std::vector<std::string>& names, bool local) {
  for (const auto& [principal, account] : driver.settings().secure_sockets.accounts) {
    if ((principal.compare(0, kLocalName.size(), kLocalName) == 0) != local) continue;
    const auto is_meant = [&, wanted = stack::canonical_identity(principal)](const std::string& name) {
      return stack::canonical_identity(name) == wanted;
    };
    if (std::any_of(names.begin(), names.end(), is_meant)) return account;
  }
  return {};
}

}  // namespace

void describe_peer(const Driver& driver, const QueriedSocket& socket, call::Answer& out) {
  const auto report = driver.packets();
  Carrier carrier(driver);
  bool several = false, several_users = false, any_user = false, all_encrypt = true;
  std::string identity, user;
  for (const auto& ike_sa : driver.control().ike_sas()) {
    for (const auto& child : ike_sa.children) {
      const auto sa = std::find_if(report.sas.begin(), report.sas.end(),
                                   [&](const auto& s) { return s.child_id == child.child_id; });
      if (sa == report.sas.end() || !may_carry(driver, carrier, socket, ike_sa, child, *sa)) continue;
      // Before anything has come by it, what is said of an accepted connection holds for all that may carry it.
      several = several || (out.quick_mode_sa != 0 && identity != ike_sa.remote_identity);
      several_users = several_users || (out.quick_mode_sa != 0 && user != ike_sa.remote_user);
      any_user = any_user || !ike_sa.remote_user.empty();
      all_encrypt = all_encrypt && (socket.group != 0 || model::encrypts(sa->protocol, sa->encr));
      if (out.quick_mode_sa != 0 && child.child_id < out.quick_mode_sa) continue;  // the newest counts
      identity = ike_sa.remote_identity;
      user = ike_sa.remote_user;
      out.user_names = user.empty() ? std::vector<std::string>() : names_by(user, ike_sa.remote_user_proof);
      out.flags = call::kSecured | (model::encrypts(sa->protocol, sa->encr) ? call::kEncrypted : 0);
      out.main_mode_sa = ike_sa.ike_id;
      out.quick_mode_sa = child.child_id;
      const bool proved = driver.control().proves_identity(ike_sa.connection);
      out.method = proved ? "certificate" : "psk";
      out.names = proved ? names_by(ike_sa.remote_identity, ike_sa.remote_proof) : std::vector<std::string>();
    }
  }
  if (several) out.names.clear();
  if (several || several_users) out.user_names.clear();
  out.user = out.user_names.empty() ? std::string() : out.user_names.front();
  out.principal = out.names.empty() ? std::string() : out.names.front();
  if (!all_encrypt) out.flags &= ~call::kEncrypted;
  if (socket.identify_only) out.flags |= call::kIdentifyOnly;
  // A machine's rights are not those of its user, nor of one of its users who cannot be told from another.
  if (any_user)
    out.account = account_of(driver, out.user_names, false);
  else
    out.account = account_of(driver, out.names, false);
}

void describe_local_peer(const Driver& driver, const QueriedSocket& socket, uint32_t uid, call::Answer& out) {
  out.flags = call::kSecured | (socket.identify_only ? call::kIdentifyOnly : 0);
  out.method = "local";
  out.principal = std::string(kLocalName) + std::to_string(uid);
  out.names = {out.principal};
  out.user = out.principal;
  out.user_names = out.names;
  out.account = account_of(driver, out.names, true);
}

uint32_t why_broken_off(const Driver& driver, const stack::HostFlow& flow) {
  const auto standing = driver.standing(flow);
  if (!standing || standing->broken == Broken::no) return 0;
  return standing->broken == Broken::other_peer ? kWrongSa : kClearTextDrop;
}

}  // namespace sallyport::runtime
