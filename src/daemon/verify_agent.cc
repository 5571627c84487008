// See verify_agent.h. RFC 7296 2.15, RFC 4945 for how identities and certificates belong together.
#include "daemon/verify_agent.h"

#include <netdb.h>
#include <sys/socket.h>

#include <algorithm>

#include "crypto/certificate.h"
#include "crypto/chain.h"
#include "crypto/signature.h"
#include "model/machine_store.h"
#include "runtime/clock.h"
#include "runtime/datagram_batch.h"

namespace sallyport::daemon {
namespace {

using model::KeyReply;
using model::Refused;
using model::Resolve;
using model::Verdict;
using model::VerifyPeer;

constexpr size_t kMostNameOctets = 253;

KeyReply resolve(const Resolve& work) {
  if (work.name.empty() || work.name.size() > kMostNameOctets) return Refused{Errc::bad_value, "not a host name"};
  addrinfo wanted{};
  wanted.ai_socktype = SOCK_DGRAM;
  wanted.ai_flags = AI_ADDRCONFIG;
  addrinfo* found = nullptr;
  const int code = ::getaddrinfo(work.name.c_str(), nullptr, &wanted, &found);
  if (code != 0) return Refused{Errc::not_found, work.name + ": " + ::gai_strerror(code)};
  model::Addresses out;
  for (const addrinfo* at = found; at; at = at->ai_next) {
    sockaddr_storage name{};
    std::memcpy(&name, at->ai_addr, std::min<size_t>(at->ai_addrlen, sizeof name));
    const IpAddr address = runtime::endpoint_of(name).addr;
    if (std::find(out.addresses.begin(), out.addresses.end(), address) == out.addresses.end()) {
      out.addresses.push_back(address);
    }
  }
  ::freeaddrinfo(found);
  if (out.addresses.empty()) return Refused{Errc::not_found, work.name + ": no address"};
  return out;
}

KeyReply verify(const std::vector<Bytes>& anchors, const VerifyPeer& work) {
  if (work.chain.empty()) return Verdict{false, "the peer sent no certificate", {}};
  // A signature that does not verify costs less to find than a chain.
  if (auto signature = crypto::verify_auth(work.chain.front(), work.method, work.auth_data, work.octets); !signature) {
    return Verdict{false, "the peer's signature does not verify: " + std::string(describe(signature.error().code)), {}};
  }
  auto chain = crypto::verify_chain(work.chain, anchors, work.id, runtime::wall_now());
  return Verdict{chain.ok, std::move(chain.why), std::move(chain.subject)};
}

}  // namespace

std::vector<std::string> VerifyAgent::load(config::FileSource& files, const std::vector<config::TrustFiles>& trust) {
  std::vector<std::string> complaints;
  anchors_.clear();
  for (const auto& set : trust) {
    auto& anchors = anchors_[set.name];
    for (const auto& path : set.anchors) {
      auto content = files.read(path);
      if (!content) {
        complaints.push_back(runtime::explain("the CA file " + path + " cannot be read", content.error()));
        continue;
      }
      auto found = crypto::certificates_from_pem(as_bytes(*content));
      if (!found || found->empty()) {
        complaints.push_back("the CA file " + path + " holds no PEM certificate");
        continue;
      }
      for (auto& certificate : *found) anchors.push_back(std::move(certificate));
    }
  }
  return complaints;
}

std::vector<Bytes> VerifyAgent::anchors_of(std::string_view trust) const {
  const auto part = model::read_narrowed_trust(trust);
  const auto set = part ? anchors_.find(part->set) : anchors_.find(trust);
  if (set == anchors_.end()) return {};
  std::vector<Bytes> out = set->second;
  if (!part) return out;
  std::erase_if(out, [&](const Bytes& anchor) {
    const auto view = crypto::read_certificate(anchor);
    return !view || std::find(part->key_ids.begin(), part->key_ids.end(), view->public_key_sha1) == part->key_ids.end();
  });
  return out;
}

KeyReply VerifyAgent::answer(const model::KeyRequest& request) const {
  if (const auto* work = std::get_if<Resolve>(&request)) return resolve(*work);
  if (const auto* work = std::get_if<VerifyPeer>(&request)) {
    const std::vector<Bytes> anchors = anchors_of(work->trust);
    if (anchors.empty()) return Verdict{false, "there are no usable trust anchors " + work->trust, {}};
    return verify(anchors, *work);
  }
  return Refused{Errc::permission, "not work for the helper process"};
}

}  // namespace sallyport::daemon
