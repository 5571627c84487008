#include "daemon/policy_files.h"

#include <doctest/doctest.h>

using namespace sallyport;

namespace {

struct NoFiles final : config::FileSource {
  Result<std::string> read(const std::string&) override { return fail(Errc::not_found); }
  Result<std::vector<std::string>> list(const std::string&) override { return fail(Errc::not_found); }
};

config::Settings with_child(model::Protocol protocol, std::string_view words) {
  config::Settings out;
  model::ConnectionPolicy connection;
  connection.name = "site";
  model::ChildPolicy child;
  child.name = "net";
  child.proposals = {*model::parse_proposal(protocol, words)};
  connection.children = {child};
  out.connections = {connection};
  return out;
}

}  // namespace

TEST_SUITE("daemon/policy_files") {
  TEST_CASE("AH and ESP are both taken") {
    NoFiles files;
    CHECK(daemon::build_policy(with_child(model::Protocol::AH, "sha256"), files).complaints.empty());
    CHECK(daemon::build_policy(with_child(model::Protocol::ESP, "aes128gcm16"), files).complaints.empty());
  }
}
