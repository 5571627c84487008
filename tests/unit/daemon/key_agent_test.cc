// What the key process knows and says, and what it never says.
#include "daemon/key_agent.h"

#include <doctest/doctest.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>

#include "crypto/prf.h"

using namespace sallyport;
using namespace sallyport::daemon;

namespace {

struct Folder {
  std::string path;
  std::vector<std::string> names;
  Folder() {
    char name[] = "/tmp/sallyport-test-XXXXXX";
    path = ::mkdtemp(name);
  }
  ~Folder() {
    for (const auto& name : names) (void)::unlink(name.c_str());
    (void)::rmdir(path.c_str());
  }
  std::string file(const std::string& name, const std::string& text, mode_t mode = 0600) {
    names.push_back(path + "/" + name);
    std::ofstream(names.back()) << text;
    (void)::chmod(names.back().c_str(), mode);
    return names.back();
  }
};

config::CredentialFiles psk(const std::string& name, const std::string& path) {
  return {name, model::AuthPolicy::Kind::psk, path, {}, {}};
}

std::string text_of(const Result<SecretBytes>& secret) {
  return secret ? std::string(as_text(secret->view())) : "refused: " + std::string(to_string(secret.error().code));
}

}  // namespace

TEST_SUITE("daemon/key_agent") {
  TEST_CASE("a secret file's first line is the secret, or the octets its digits stand for") {
    CHECK(text_of(secret_of_file(as_bytes("open sesame\nsecond line\n"))) == "open sesame");
    CHECK(text_of(secret_of_file(as_bytes("open sesame\r\n"))) == "open sesame");
    CHECK(text_of(secret_of_file(as_bytes("0x616263"))) == "abc");
    CHECK(text_of(secret_of_file(as_bytes("0sYWJjZA=="))) == "abcd");
    CHECK(text_of(secret_of_file(as_bytes("0sYWJj\n"))) == "abc");
    CHECK(text_of(secret_of_file(as_bytes("0x"))) == "0x");  // no digits: it is text
    CHECK(secret_of_file(as_bytes("")).error().code == Errc::bad_value);
    CHECK(secret_of_file(as_bytes("\nsecond")).error().code == Errc::bad_value);
    CHECK(secret_of_file(as_bytes("0x123")).error().code == Errc::bad_value);
    CHECK(secret_of_file(as_bytes("0x12zz")).error().code == Errc::bad_value);
    CHECK(secret_of_file(as_bytes("0sYW*j")).error().code == Errc::bad_value);
  }

  TEST_CASE(
      "[RFC7296 2.15] a shared secret may be text of any length, without a terminator, or octets in hexadecimal") {
    std::string text;
    for (size_t length = 1; length <= 1000; ++length) {
      text.push_back(static_cast<char>('!' + length % 90));
      CHECK(text_of(secret_of_file(as_bytes(text))) == text);
    }
    for (size_t length = 1; length <= 300; ++length) {
      Bytes octets;
      std::string digits = "0x";
      for (size_t i = 0; i < length; ++i) {
        octets.push_back(static_cast<uint8_t>(i * 7));  // zeros too
        char two[3];
        std::snprintf(two, sizeof two, i % 2 ? "%02x" : "%02X", octets.back());
        digits += two;
      }
      const auto secret = secret_of_file(as_bytes(digits + "\n"));
      REQUIRE(secret);
      CHECK(equal(secret->view(), octets));
    }
    // What a file, a key and an AUTH are made of is the same, however it is written.
    Folder folder;
    KeyAgent agent;
    CHECK(agent
              .load({psk("text",
                         folder.file("text", "open sesame, and then some more of it, beyond 64 octets of text\n")),
                     psk("hex", folder.file("hex",
                                            "0x6f70656e20736573616d652c20616e64207468656e20736f6d65206d6f7265206f66"
                                            "2069742c206265796f6e64203634206f6374657473206f662074657874"))})
              .empty());
    const auto auth = [&](const char* name) {
      return std::get<model::AuthData>(agent.answer(model::PskAuth{name, model::PrfId::HMAC_SHA2_256, Bytes(9, 1)}))
          .data;
    };
    CHECK(auth("text") == auth("hex"));
  }

  TEST_CASE("T22 a secret that is short or simple is loaded, and warned of without being told") {
    const auto bits = [](std::string_view text) { return secret_bits(secret_of_file(as_bytes(text))->view()); };
    for (const char* weak :
         {"x", "open sesame", "password1234", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
          "0x00000000000000000000000000000000000000000000", "0x0123456789abcdef", "abcabcabcabcabcabcabc"}) {
      CAPTURE(weak);
      CHECK(bits(weak) < kWantedSecretBits);
    }
    for (const char* good : {"u6BzQ0hJm3sXw9Yt", "correct horse battery staple", "0sW7mDk1pQ9xZr2Yt5Gv8HbA==",
                             "0x3f9a1c77b2e04d58a6c1f20e9b7d4413", "a shared secret for tests only"}) {
      CAPTURE(good);
      CHECK(bits(good) >= kWantedSecretBits);
    }
    Folder folder;
    KeyAgent agent;
    const std::string path = folder.file("weak", "open sesame\n");
    CHECK(agent.load({psk("weak", path), psk("good", folder.file("good", "u6BzQ0hJm3sXw9Yt\n"))}).empty());
    REQUIRE(agent.warnings().size() == 1);
    CHECK(agent.warnings()[0].find(path) != std::string::npos);
    CHECK(agent.warnings()[0].find("sesame") == std::string::npos);
    CHECK(std::holds_alternative<model::AuthData>(
        agent.answer(model::PskAuth{"weak", model::PrfId::HMAC_SHA2_256, Bytes(9, 1)})));
    CHECK(agent.load({psk("good", folder.file("good", "u6BzQ0hJm3sXw9Yt\n"))}).empty());
    CHECK(agent.warnings().empty());
  }

  TEST_CASE("[RFC7296 2.15] AUTH is prf(prf(secret, \"Key Pad for IKEv2\"), octets)") {
    Folder folder;
    KeyAgent agent;
    CHECK(agent.load({psk("west", folder.file("psk", "open sesame\n"))}).empty());
    const Bytes octets(40, 0x17);
    const auto reply = agent.answer(model::PskAuth{"west", model::PrfId::HMAC_SHA2_256, octets});
    const auto pad = crypto::prf(model::PrfId::HMAC_SHA2_256, as_bytes("open sesame"), {as_bytes("Key Pad for IKEv2")});
    REQUIRE(pad);
    const auto wanted = crypto::prf(model::PrfId::HMAC_SHA2_256, pad->view(), {ByteView(octets)});
    REQUIRE(wanted);
    REQUIRE(std::holds_alternative<model::AuthData>(reply));
    CHECK(equal(std::get<model::AuthData>(reply).data, wanted->view()));
  }

  TEST_CASE("[RFC7296 2.15] our AUTH is made only for a peer whose own verifies") {
    Folder folder;
    KeyAgent agent;
    CHECK(
        agent.load({psk("ours", folder.file("ours", "one\n")), psk("theirs", folder.file("theirs", "two\n"))}).empty());
    const Bytes own(40, 0x17), peers(50, 0x18);
    const auto auth_of = [&](const char* credential, const Bytes& octets) {
      return std::get<model::AuthData>(agent.answer(model::PskAuth{credential, model::PrfId::HMAC_SHA2_256, octets}))
          .data;
    };
    const auto ask = [&](Bytes claimed, const char* credential) {
      return agent.answer(model::PskAuth{"ours", model::PrfId::HMAC_SHA2_256, own,
                                         model::PskClaim{credential, peers, std::move(claimed)}});
    };
    const Bytes good = auth_of("theirs", peers);
    CHECK(std::get<model::AuthData>(ask(good, "theirs")).data == auth_of("ours", own));
    Bytes flipped = good;
    flipped.back() ^= 1;
    const Bytes cut(good.begin(), good.end() - 1);
    for (const Bytes& bad : {flipped, cut, Bytes{}, auth_of("ours", peers), auth_of("theirs", own)}) {
      const auto reply = ask(bad, "theirs");
      REQUIRE(std::holds_alternative<model::Verdict>(reply));
      CHECK(!std::get<model::Verdict>(reply).ok);
      CHECK(std::get<model::Verdict>(reply).why.find("does not verify") != std::string::npos);
    }
    CHECK(std::get<model::Refused>(ask(good, "nobody")).code == Errc::bad_key);
  }

  TEST_CASE("what it cannot load it complains about once, and refuses when asked for") {
    Folder folder;
    KeyAgent agent;
    const std::string open = folder.file("open", "secret\n", 0644);
    const std::string empty = folder.file("empty", "\n");
    const std::string no_key = folder.file("key", "no PEM\n");
    const auto complaints = agent.load({psk("a", open),
                                        psk("b", empty),
                                        psk("c", folder.path + "/absent"),
                                        {"d", model::AuthPolicy::Kind::cert, {}, {}, no_key}});
    REQUIRE(complaints.size() == 4);
    CHECK(complaints[0].find(open) != std::string::npos);
    CHECK(complaints[1].find("holds no secret") != std::string::npos);
    CHECK(complaints[3].find("no usable PEM private key") != std::string::npos);
    for (const auto& complaint : complaints) CHECK(complaint.find("secret\n") == std::string::npos);
    for (const char* name : {"a", "b", "c", "nobody"}) {
      const auto reply = agent.answer(model::PskAuth{name, model::PrfId::HMAC_SHA2_256, {}});
      REQUIRE(std::holds_alternative<model::Refused>(reply));
      CHECK(std::get<model::Refused>(reply).code == Errc::bad_key);
    }
    const auto sign =
        agent.answer(model::Sign{"d", model::AuthMethod::DIGITAL_SIGNATURE, model::HashId::SHA2_256, false, {}});
    CHECK(std::get<model::Refused>(sign).code == Errc::bad_key);
  }

  TEST_CASE("[T1] work that is not a key's is refused, whatever a worker asks") {
    const KeyAgent agent;
    for (const auto& work : {model::KeyRequest(model::Resolve{"example.org"}), model::KeyRequest(model::VerifyPeer{}),
                             model::KeyRequest(model::KeWork{})}) {
      const auto reply = agent.answer(work);
      REQUIRE(std::holds_alternative<model::Refused>(reply));
      CHECK(std::get<model::Refused>(reply).code == Errc::permission);
    }
  }

  TEST_CASE("loading again forgets what is no longer named") {
    Folder folder;
    KeyAgent agent;
    CHECK(agent.load({psk("west", folder.file("psk", "one\n"))}).empty());
    CHECK(agent.load({psk("east", folder.file("other", "two\n"))}).empty());
    CHECK(
        std::holds_alternative<model::Refused>(agent.answer(model::PskAuth{"west", model::PrfId::HMAC_SHA2_256, {}})));
    CHECK(
        std::holds_alternative<model::AuthData>(agent.answer(model::PskAuth{"east", model::PrfId::HMAC_SHA2_256, {}})));
  }
}
