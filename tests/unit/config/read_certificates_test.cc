// [certificates].
#include <doctest/doctest.h>

#include "model/machine_store.h"
#include "unit/config/map_files.h"

using namespace sallyport;
using namespace sallyport::config;

namespace {

const std::string kOne = "[[certificates.machine]]\ncertificate = \"a.pem\"\nkey = \"a.key\"\n";

}  // namespace

TEST_SUITE("config/read_certificates") {
  TEST_CASE("[WFP 13.3] the machine's store: authorities, and certificates in order") {
    const Loaded loaded = load_one("[certificates]\nca = [\"roots.pem\", \"/etc/ssl/more.pem\"]\n" + kOne +
                                   "[[certificates.machine]]\ncertificate = \"b.pem\"\nkey = \"b.key\"\n");
    for (const auto& error : loaded.errors) FAIL_CHECK(to_string(error));
    REQUIRE(loaded.settings.trust.size() == 1);
    CHECK(loaded.settings.trust[0].name == model::kMachineStore);
    CHECK(loaded.settings.trust[0].anchors == std::vector<std::string>{"/etc/s/roots.pem", "/etc/ssl/more.pem"});
    REQUIRE(loaded.settings.credentials.size() == 2);
    CHECK(loaded.settings.credentials[0].name == model::machine_credential(0));
    CHECK(loaded.settings.credentials[0].certificate == "/etc/s/a.pem");
    CHECK(loaded.settings.credentials[1].name == model::machine_credential(1));
    CHECK(loaded.settings.credentials[1].key == "/etc/s/b.key");
  }

  TEST_CASE("what is wrong is said by its key") {
    CHECK(refusal_of("[certificates]\nroots = \"r.pem\"\n").find("ca") != std::string::npos);
    CHECK(refusal_of("[certificates.machine]\ncertificate = \"a.pem\"\n").find("[[certificates.machine]]") !=
          std::string::npos);
    CHECK(refusal_of("[[certificates.machine]]\ncertificate = \"a.pem\"\n")
              .find("certificates.machine[0]: lacks \"key\"") != std::string::npos);
    std::string many;
    for (size_t i = 0; i <= model::kMostMachineCertificates; ++i) many += kOne;
    CHECK(refusal_of(many).find("more than 16 times") != std::string::npos);
  }
}
