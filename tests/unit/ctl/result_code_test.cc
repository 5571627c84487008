// What each error of the daemon is to the user of the command: docs/exit-codes.md.
#include <doctest/doctest.h>

#include <map>
#include <string>

#include "ctl/messages.h"

using namespace sallyport;
using ctl::ResultCode;

TEST_SUITE("ctl/result_code") {
  TEST_CASE("every row of errors.def has its exit code") {
    const std::map<Errc, ResultCode> wanted = {
        {Errc::algorithm_refused, ResultCode::failed},
        {Errc::authentication_failed, ResultCode::authentication_failed},
        {Errc::bad_certificate, ResultCode::authentication_failed},
        {Errc::bad_config, ResultCode::failed},
        {Errc::bad_key, ResultCode::failed},
        {Errc::bad_length, ResultCode::peer_refused},
        {Errc::bad_public_value, ResultCode::peer_refused},
        {Errc::bad_tag, ResultCode::failed},
        {Errc::bad_value, ResultCode::failed},
        {Errc::conflict, ResultCode::failed},
        {Errc::critical_payload, ResultCode::peer_refused},
        {Errc::io, ResultCode::failed},
        {Errc::limit, ResultCode::failed},
        {Errc::missing_payload, ResultCode::peer_refused},
        {Errc::no_proposal_chosen, ResultCode::peer_refused},
        {Errc::not_found, ResultCode::not_found},
        {Errc::permission, ResultCode::failed},
        {Errc::state, ResultCode::failed},
        {Errc::timeout, ResultCode::timeout},
        {Errc::too_many, ResultCode::failed},
        {Errc::trailing_bytes, ResultCode::peer_refused},
        {Errc::truncated, ResultCode::peer_refused},
        {Errc::ts_unacceptable, ResultCode::peer_refused},
        {Errc::unexpected_payload, ResultCode::peer_refused},
        {Errc::unsupported, ResultCode::failed},
        {Errc::version, ResultCode::peer_refused},
    };
    size_t rows = 0;
#define SP_ERROR(name, text, action) \
  ++rows;                            \
  CHECK_MESSAGE(wanted.contains(Errc::name), #name);
#include "proto/errors.def"
#undef SP_ERROR
    CHECK(rows == wanted.size());
    for (const auto& [code, exit] : wanted) {
      CHECK_MESSAGE(ctl::result_code(code) == exit, std::string(to_string(code)));
      CHECK_FALSE(describe(code).empty());
    }
  }

  TEST_CASE("exit codes have names of their own, and an unknown one is a failure") {
    std::map<std::string_view, int> names;
    for (uint8_t code = 0; code <= 7; ++code) ++names[ctl::to_string(static_cast<ResultCode>(code))];
    CHECK(names.size() == 8);
    CHECK(ctl::to_string(static_cast<ResultCode>(99)) == "failed");
  }
}
