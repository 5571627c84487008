// Owns every IKE SA: finds one by SPI, decides what a first message may cost, gives each exchange its turn. RFC 7296
// 2.4 (half-open SAs), 2.5 (versions), 2.6 (SPIs and cookies), 2.21 (errors outside an IKE SA).
// Nothing is allocated for a stranger before endpoint limits and the cookie have passed it. Pure; one thread.
#pragma once
#include <map>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "base/rng.h"
#include "ike/keying_module.h"

namespace sallyport::ike {

struct Limits {
  size_t half_open_cookie = 30;             // from so many half-open SAs in total, strangers must return a cookie
  size_t half_open_cookie_per_address = 3;  // the same for one address
  size_t half_open_max = 1000;              // further first messages are dropped
  size_t half_open_max_per_address = 30;
  size_t ike_sa_max = 50000;
  Duration half_open_timeout = seconds(30);
  // For one Request. Past it the Request counts as refused: longer than any name lookup, short of what a user waits.
  Duration key_work_timeout = seconds(60);
  // RFC 7296 2.2: message IDs are not used up. From the first of these the IKE SA is rekeyed, from the second on
  // closed; what is left then is more than the exchanges that may still be waiting.
  model::MessageId message_id_rekey = 0xF0000000;
  model::MessageId message_id_close = 0xFFFF0000;
  // Of a peer that has authenticated itself, on one IKE SA and those that come of it by rekeying. 0: without limit.
  unsigned rekeys_per_minute = 600;     // CREATE_CHILD_SA requests; more are answered with TEMPORARY_FAILURE
  unsigned requests_per_minute = 6000;  // of any kind; more are not taken until they come again
  // What each failure to authenticate costs the address it came from: until then no IKE_AUTH from there is looked at.
  Duration failed_auth_cost = seconds(1);
  unsigned unauthenticated_answers_per_second = 100;  // INVALID_MAJOR_VERSION, INVALID_IKE_SPI, INVALID_SPI
};

struct Config {
  Limits limits;
  uint16_t port = 500;        // local; the peer's comes from the connection
  uint16_t natt_port = 4500;  // local, with the non-ESP marker
  uint16_t remote_natt_port = 4500;
  // ESP of Child SAs with peers of our kind travels in UDP also where there is no NAT. RFC 7296 2.23 leaves that to
  // each sender; only of our kind it is known that they take it.
  bool prefer_udp = false;
  bool key_log = false;
  // Parts of the data plane that SAs are spread over (model::shard_of). With several, a per-resource copy (RFC 9611) is
  // made when one of them wants it (WantCopy) and gets an SPI of that one; otherwise whoever made the first SA asks for
  // all copies at once.
  uint16_t shards = 1;
};

struct Counters {
  uint64_t datagrams = 0;
  uint64_t malformed = 0;          // dropped: header or payloads do not parse
  uint64_t unknown_spi = 0;        // no such IKE SA: dropped, or answered with INVALID_IKE_SPI
  uint64_t bad_integrity = 0;      // dropped: SK does not verify
  uint64_t out_of_window = 0;      // dropped: message ID neither expected nor the last one
  uint64_t duplicate_differs = 0;  // dropped: the message ID of an answered request, but other octets
  uint64_t repeated_requests = 0;  // answered from the cache
  uint64_t retransmissions = 0;    // of our own requests
  uint64_t cookies_demanded = 0;
  uint64_t cookies_bad = 0;
  uint64_t half_open_refused = 0;
  uint64_t bad_version = 0;
  uint64_t stranger_answers = 0;  // INVALID_MAJOR_VERSION, INVALID_IKE_SPI, INVALID_SPI and the like, outside an IKE SA
  uint64_t hints = 0;             // unprotected INVALID_IKE_SPI and INVALID_SPI that came in
  uint64_t hints_followed = 0;    // liveness checks they started
  uint64_t fragments_dropped = 0;
  uint64_t rekeys_postponed = 0;           // CREATE_CHILD_SA requests beyond the limit: TEMPORARY_FAILURE
  uint64_t requests_postponed = 0;         // requests beyond the limit: not taken
  uint64_t authentications_postponed = 0;  // IKE_AUTH requests from where one has just failed: not taken
  uint64_t initiated = 0;
  uint64_t responded = 0;
  uint64_t established = 0;
  uint64_t failed = 0;
};

class Endpoint {
 public:
  // How many entries each table holds. None may grow without end; a quiet endpoint holds what its IKE SAs need.
  struct Tables {
    size_t ike_sas = 0;  // those that are over and linger included
    size_t ike_spis = 0;
    size_t first_messages = 0;
    size_t half_open = 0;
    size_t half_open_addresses = 0;
    size_t deadlines = 0;
    size_t child_spis = 0;
    size_t key_requests = 0;  // asked for, not answered
    size_t failed_auths = 0;  // addresses whose IKE_AUTH has to wait
  };

  Endpoint(Config config, Rng& rng);
  ~Endpoint();
  Endpoint(const Endpoint&) = delete;
  Endpoint& operator=(const Endpoint&) = delete;

  void handle_datagram(TimePoint now, const Datagram& in);
  void handle_reply(TimePoint now, model::RequestId id, model::KeyReply reply);  // an id no longer wanted is ignored
  void handle_deadline(TimePoint now);
  void handle_command(TimePoint now, Command command);
  std::optional<Output> poll();
  std::optional<TimePoint> next_deadline() const;

  std::vector<IkeSaStatus> status() const;
  std::optional<IkeSaStatus> status(model::IkeId id) const;
  std::vector<model::IkeId> authenticated() const;  // those that stand, or are about to go

  // SPIs that nothing here negotiates, of SAs made by hand: none that is in use, above 255, and not given to a Child SA
  // before they are released.
  model::Spi take_spi();
  bool take_spi(model::Spi spi);  // this one; false: in use, or reserved by RFC 4303 2.1
  void release_spi(model::Spi spi);
  const Counters& counters() const;
  size_t half_open() const;
  size_t child_spis_in_use() const;  // of Child SAs and of attempts at one
  Tables tables() const;
  const std::map<std::string_view, uint64_t>& rows_taken() const;  // by the story of the transition row

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace sallyport::ike
