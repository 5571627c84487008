// The control protocol as plain values. proto/control.proto is the same on the wire, documented field by field;
// docs/control-protocol.md tells the story. A client sends Requests under ids of its own choosing; the server answers
// each with any number of Replies and exactly one Done, the last. Values; any thread.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/ip_addr.h"
#include "base/result.h"
#include "base/time.h"
#include "model/ids.h"

namespace sallyport::ctl {

constexpr uint32_t kProtocolVersion = 1;

// The numbers are the command's exit codes and stay what they are.
enum class ResultCode : uint8_t {
  ok = 0,
  failed = 1,
  usage = 2,
  not_found = 3,
  peer_refused = 4,
  timeout = 5,
  authentication_failed = 6,
  unreachable = 7,  // never sent: the client's own word for a daemon it cannot talk to
};
std::string_view to_string(ResultCode code);
ResultCode result_code(Errc code);  // what a failed negotiation or command means to the user

// --- requests
// --------------------------------------------------------------------------------------------------------- First
// message on a connection; the server picks the highest version both speak and answers Welcome, then Done.
struct Hello {
  uint32_t version_min = kProtocolVersion;
  uint32_t version_max = kProtocolVersion;
  std::string program;
};
struct Up {
  std::string connection;
  std::string child;  // empty: every child of the connection
  Duration wait{};    // Done when up, failed, or after so long; zero: Done as soon as it has begun
};
struct Down {
  std::string connection;
  std::string child;                   // empty: the IKE SA with all its children
  std::optional<model::IkeId> ike_id;  // only this IKE SA
};
struct Rekey {
  std::string connection;
  std::string child;              // empty: the IKE SA
  std::optional<model::Spi> spi;  // inbound SPI of one Child SA
};
struct Status {
  std::string connection;  // empty: all
};
struct Watch {};
struct Check {
  std::string path;  // empty: the file the daemon runs with
};
struct Explain {
  IpAddr source;
  IpAddr destination;
  uint8_t protocol = 0;
  uint16_t source_port = 0;
  uint16_t destination_port = 0;
  // Whose socket it would be here; nothing and empty: nobody's.
  std::optional<uint32_t> uid = {};
  std::vector<uint32_t> gids = {};
  std::string program = {};
};
struct Log {
  std::string level;     // lines at least so important; empty: as configured
  uint32_t lines = 100;  // of the past, at most
  bool follow = false;
};
struct Version {};
struct Ping {
  IpAddr address;
  std::optional<IpAddr> source;
  uint32_t count = 4;
  uint32_t size = 56;  // octets of echo data
  Duration interval = seconds(1);
  Duration timeout = seconds(2);  // for each answer
};
struct Reload {};
// Ends the request `id` (a stream, or a waiting up) of the same connection; that one then gets its Done.
struct Cancel {
  uint64_t id = 0;
};

// The filter engine's objects. Answered by one PolicyListing.
struct NetEvents {
  bool follow = false;
};
struct ListPolicy {
  enum class What : uint8_t { filters = 0, layers = 1, contexts = 2 };
  What what = What::filters;
};

// A function of the filter engine: its number and its argument as octets that this room does not read.
struct PolicyCall {
  uint32_t function = 0;
  Bytes octets;
};

using Request = std::variant<Hello, Up, Down, Rekey, Status, Watch, Check, Explain, Log, Version, Ping, Reload, Cancel,
                             ListPolicy, PolicyCall, NetEvents>;

// --- replies
// ----------------------------------------------------------------------------------------------------------
struct Welcome {
  uint32_t version = kProtocolVersion;
  std::string daemon_version;
};

struct ChildSaEntry {
  std::string connection;
  std::string child;
  std::string state;
  uint64_t child_id = 0;
  uint32_t spi_in = 0;
  uint32_t spi_out = 0;
  std::string algorithms;  // configuration words
  std::string mode;        // tunnel | transport
  bool udp_encap = false;
  bool peer_boundary = false;          // the peer's host takes clear packets, too
  bool guaranteed_encryption = false;  // made for a flow that must be encrypted
  std::string protocol = "ESP";        // ESP | AH
  bool esn = false;                    // extended sequence numbers
  std::string provider;                // who does the cryptography: OpenSSL | ipsec-mb
  std::optional<uint32_t> resource;    // which per-resource copy; absent: the SA for every resource
  std::vector<std::string> local;      // selectors
  std::vector<std::string> remote;
  uint64_t bytes_in = 0, packets_in = 0;
  uint64_t bytes_out = 0, packets_out = 0;
  uint64_t drops = 0;                                  // packets of this SA refused: replay, integrity, selectors
  uint64_t installed_seconds = 0;                      // since it was installed
  std::optional<uint64_t> rekey_in;                    // seconds; absent: no time limit
  std::optional<uint64_t> expires_in;                  // seconds
  std::optional<uint64_t> rekey_bytes, rekey_packets;  // soft limits
};

struct IkeSaEntry {
  std::string connection;
  std::string state;
  uint64_t ike_id = 0;
  uint64_t spi_i = 0;
  uint64_t spi_r = 0;
  bool initiator = false;  // we are the original initiator
  IpEndpoint local;
  IpEndpoint remote;
  std::string local_id;
  std::string remote_id;
  std::string local_user, remote_user;  // beside the machines (RFC 4739); empty: none was authenticated
  bool nat_local = false;
  bool nat_remote = false;
  std::string algorithms;
  uint64_t established_seconds = 0;  // since it was authenticated; 0 while negotiating
  std::optional<uint64_t> rekey_in;  // seconds
  std::vector<ChildSaEntry> children;
};

struct ConfiguredChild {
  std::string name;
  std::string start;  // up | route | none
  std::string state;  // down | negotiating | up
  std::vector<std::string> local;
  std::vector<std::string> remote;
  std::string proposals;
};

struct ConfiguredConnection {
  std::string name;
  std::string state;  // down | negotiating | up
  std::vector<std::string> local_addrs, remote_addrs;
  std::string local_id, remote_id;
  bool proves_user = false;  // of this host, to peers that ask for one
  std::string remote_user;   // "any": whoever; empty: none is asked for
  std::string proposals;
  bool keep_up = false;
  std::string last_error;            // sentence of the last attempt that failed, empty after success
  std::optional<uint64_t> retry_in;  // seconds
  std::vector<ConfiguredChild> children;
};

struct Counter {
  std::string name;  // row of proto/drops.def, or a statistic
  uint64_t value = 0;
};

struct DaemonFacts {
  std::string version;
  uint64_t pid = 0;
  uint64_t uptime_seconds = 0;
  std::string config_file;
  uint16_t ike_port = 0;
  uint16_t natt_port = 0;
  bool split = false;
  std::string device_type;
  std::string device_name;
  uint32_t device_mtu = 0;
  std::vector<std::string> device_addresses;
  uint64_t device_packets_in = 0, device_packets_out = 0;
  bool native_esp = false;  // protocol 50 can be sent and received
  bool key_log = false;
  bool fail_closed = false;      // the packet filter that refuses clear packets is in place
  std::string fail_closed_note;  // why not
};

struct StatusReply {
  DaemonFacts daemon;
  std::vector<ConfiguredConnection> connections;
  std::vector<IkeSaEntry> ike_sas;
  std::vector<Counter> drops;  // those that are not zero
  std::vector<Counter> counters;
};

struct Event {
  std::string kind;  // ike_up ike_down ike_rekeyed child_up child_down child_rekeyed attempt_failed remote_moved
                     // acquire reloaded ike_state
  int64_t unix_milliseconds = 0;
  std::string connection;
  std::string child;
  std::string error;  // row of proto/errors.def; empty where nothing failed
  std::string sentence;
  std::string ours;
  std::string peers;
  // Of ike_state: which IKE SA, by which transition row, from where to where.
  std::optional<uint64_t> ike_id{};
  std::string row{};
  std::string from{};
  std::string to{};
};

struct NetEvent {
  int64_t unix_milliseconds = 0;
  std::string type;
  std::string local;
  std::string remote;
  uint32_t protocol = 0;
  uint32_t local_port = 0;
  uint32_t remote_port = 0;
  uint32_t code = 0;
  std::string point;
  std::string role;
  uint64_t filter = 0;
  std::string layer;
  uint32_t spi = 0;
  std::string local_name;
  std::string remote_name;
  std::string direction;
  std::string sentence;
};
struct LogLine {
  int64_t unix_milliseconds = 0;
  std::string level;
  std::string text;
};

struct CheckProblem {
  std::string file;
  uint32_t line = 0;
  std::string key;
  std::string sentence;
};
struct CheckReply {
  std::vector<std::string> files;
  std::vector<CheckProblem> problems;  // none: the configuration is good
};

// What the filter engine says at one layer.
struct LayerDecision {
  std::string layer;
  std::string action;   // PERMIT, BLOCK, the callout, or "none"
  uint64_t filter = 0;  // that decides; 0: none
  std::string name;     // of that filter
  std::string sentence;
};
struct ExplainReply {
  std::string action;  // BYPASS | DISCARD | PROTECT
  std::string connection;
  std::string child;
  std::string entry;     // the SPD entry's selectors; empty: no entry matches
  uint32_t spi_out = 0;  // the SA that would carry the packet; 0: none yet
  std::string sentence;
  std::vector<LayerDecision> layers{};  // in the order they are asked; empty: there are no filters
};

// One object of the filter engine; what does not apply is empty.
struct PolicyRow {
  uint64_t number = 0;
  std::string key;
  std::string name;
  std::string layer;
  std::string sublayer;
  uint64_t weight = 0;
  std::string action;  // of a context: its type
  uint64_t raw_context = 0;
  std::vector<std::string> conditions;  // of a layer: those that may be asked there
  std::string context;
  std::string provider;
};
struct PolicyListing {
  std::vector<PolicyRow> rows;  // filters: by layer, heaviest first
};

struct VersionReply {
  std::string version;
  std::string build;  // compiler and libraries
  std::string openssl;
  uint32_t protocol = kProtocolVersion;
};

struct PingAnswer {
  uint32_t sequence = 0;
  bool answered = false;
  uint32_t octets = 0;
  uint64_t nanoseconds = 0;
  std::string why;  // when not answered
};

struct PolicyAnswer {
  uint32_t code = 0;
  uint32_t index = 0;
  Bytes octets;
};
struct PolicyNotice {
  Bytes octets;
};

struct Done {
  ResultCode code = ResultCode::ok;
  std::string sentence;
  std::string ours;  // proposals or identities, where the two sides did not agree
  std::string peers;
};

using Reply = std::variant<Done, Welcome, StatusReply, Event, LogLine, CheckReply, ExplainReply, VersionReply,
                           PingAnswer, PolicyListing, PolicyAnswer, PolicyNotice, NetEvent>;

// --- envelopes
// --------------------------------------------------------------------------------------------------------
struct RequestFrame {
  uint64_t id = 0;  // chosen by the client, not 0, unique among its requests in flight
  Request request;
};
struct ReplyFrame {
  uint64_t id = 0;
  Reply reply;
};

Bytes encode(const RequestFrame& frame);
Bytes encode(const ReplyFrame& frame);
// bad_value: not protobuf, unknown kind, or a value out of range. Unknown fields are ignored.
Result<RequestFrame> decode_request(ByteView body);
Result<ReplyFrame> decode_reply(ByteView body);
// The id of a request that decode_request refuses, so that it can be answered; bad_value when it is not protobuf at
// all.
Result<uint64_t> decode_request_id(ByteView body);

}  // namespace sallyport::ctl
