// The inside of the endpoint, shared by its files only. Pure; one thread.
#pragma once
#include <deque>
#include <map>
#include <set>
#include <tuple>
#include <unordered_map>
#include <unordered_set>

#include "ike/cookie.h"
#include "ike/endpoint.h"
#include "ike/failed_auths.h"
#include "ike/v2/ike_sa.h"

namespace sallyport::ike {

struct Endpoint::Impl final : v2::Host {
  Impl(Config c, Rng& r) : config_(c), rng_(r) {}
  ~Impl() override;

  // v2::Host
  const Config& config() const override { return config_; }
  Rng& rng() override { return rng_; }
  Counters& counters() override { return counters_; }
  const std::shared_ptr<const model::IkePolicySet>& policy() const override { return policy_; }
  void emit(Output output) override;
  void ask(v2::IkeSa& sa, model::KeyRequest work, v2::Continuation then) override;
  model::IkeId new_ike_id() override { return ++last_ike_id_; }
  model::ChildId new_child_id() override { return ++last_child_id_; }
  model::IkeSpi new_ike_spi() override;
  model::Spi new_child_spi(std::optional<uint32_t> resource) override;
  void release_child_spi(model::Spi spi) override { child_spis_.erase(spi); }
  void count_row(std::string_view story) override { ++rows_[story]; }
  v2::IkeSa* find(model::IkeId id) override;
  void for_each(const std::function<void(v2::IkeSa&)>& visit) override;
  std::vector<v2::IkeSa*> sas_of(std::string_view connection, const model::Identity* peer) override;
  void adopt(std::unique_ptr<v2::IkeSa> sa) override;
  void touch(v2::IkeSa& sa) override { touched_.push_back(sa.id); }
  void authentication_failed(TimePoint now, const IpEndpoint& from) override {
    failed_auths_.note(now, from.addr, config_.limits.failed_auth_cost);
  }

  // Datagrams (endpoint.cc, endpoint_messages.cc).
  void handle_datagram(TimePoint now, const Datagram& in);
  void handle_first_message(TimePoint now, const Datagram& in, const wire::ike::IkeHeader& header);
  void answer_unsupported_version(TimePoint now, const Datagram& in, const wire::ike::IkeHeader& header);
  // S9: at most one answer to a message, never longer than it, and not without limit. heard: octets of the message.
  void answer_stranger(TimePoint now, const Datagram& answer, size_t heard);
  void handle_unknown_ike_spi(TimePoint now, const Datagram& in, const wire::ike::IkeHeader& header);
  void handle_unprotected(v2::IkeSa& sa, TimePoint now, const wire::ike2::Message& message);
  void hint_about(TimePoint now, const IpEndpoint& remote);
  void unknown_esp_spi(TimePoint now, const UnknownSpi& command);
  void handle_init_response(v2::IkeSa& sa, TimePoint now, const Datagram& in);
  void handle_protected(v2::IkeSa& sa, TimePoint now, const Datagram& in, const wire::ike::IkeHeader& header);
  bool wanted(v2::IkeSa& sa, const wire::ike::IkeHeader& header, const Digest& digest,
              const wire::ike2::SkfPayload* fragment);
  void handle_fragment(v2::IkeSa& sa, TimePoint now, const Datagram& in, const wire::ike::IkeHeader& header,
                       const wire::ike2::SkfPayload& skf, const Digest& digest);
  void deliver(v2::IkeSa& sa, TimePoint now, const Datagram& in, const wire::ike::IkeHeader& header,
               const Digest& digest, wire::ike::PayloadType first, ByteView inner);
  void follow_peer(v2::IkeSa& sa, const Datagram& in);
  void peer_seen_at(const PeerSeenAt& command);

  // Answers of the agents, and what takes the place of one that does not come.
  void take_reply(TimePoint now, model::RequestId id, model::KeyReply reply);
  void forget_answered();

  // Time and commands (endpoint_commands.cc).
  void handle_deadline(TimePoint now);
  void expire(v2::IkeSa& sa, TimePoint now, v2::Timer timer);
  void give_up_waiting(v2::IkeSa& sa, TimePoint now);
  void handle_command(TimePoint now, Command& command);
  void initiate(TimePoint now, const Initiate& command);
  void terminate(TimePoint now, const Terminate& command);
  void rekey_children(v2::IkeSa& sa, TimePoint now, const std::function<bool(const v2::ChildSa&)>& which);
  void set_policy(std::shared_ptr<const model::IkePolicySet> policy);
  void child_lifetime(TimePoint now, const ChildLifetime& command);

  void settle(v2::IkeSa& sa);  // after its turn: its place in the indexes, or the grave
  void index_peer(v2::IkeSa& sa);
  void settle_touched();
  size_t half_open_of(const IpAddr& address) const;

  Config config_;
  Rng& rng_;
  Counters counters_;
  std::shared_ptr<const model::IkePolicySet> policy_ = std::make_shared<model::IkePolicySet>();
  std::deque<Output> out_;
  std::vector<model::IkeId> touched_;
  std::map<std::string_view, uint64_t> rows_;

  model::IkeId last_ike_id_ = 0;
  model::ChildId last_child_id_ = 0;
  model::RequestId last_request_id_ = 0;

  std::unordered_set<model::Spi> child_spis_;  // outlives everything that holds a lease
  std::map<model::IkeId, std::unique_ptr<v2::IkeSa>> sas_;
  std::unordered_map<model::IkeSpi, model::IkeId> by_spi_;  // our SPI
  std::map<std::pair<IpEndpoint, model::IkeSpi>, model::IkeId>
      by_first_message_;                                                  // peer and its SPI: repeated IKE_SA_INIT
  std::set<std::tuple<std::string, std::string, model::IkeId>> by_peer_;  // connection, key of the peer's identity
  std::map<IpAddr, size_t> half_open_by_address_;
  std::unordered_set<model::IkeId> half_open_;
  std::set<std::pair<TimePoint, model::IkeId>> deadlines_;
  struct Pending {
    model::IkeId ike_id;
    v2::Continuation then;
  };
  std::unordered_map<model::RequestId, Pending> pending_;
  std::deque<std::pair<TimePoint, model::RequestId>> work_due_;  // in the order asked; every pending_ is here
  TimePoint now_{};                                              // of the call in progress

  CookieSecret cookies_;
  FailedAuths failed_auths_;
  TimePoint stranger_second_{};
  unsigned stranger_answers_ = 0;
};

}  // namespace sallyport::ike
