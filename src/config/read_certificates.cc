// [certificates]: what policy that programs write finds on this host, in place of Windows' machine stores.
#include "config/read_parts.h"
#include "model/machine_store.h"

namespace sallyport::config {

void read_certificates(Section& section, Settings& settings) {
  if (TrustFiles trust; read_anchors(section, trust)) {
    trust.name = model::kMachineStore;
    add_trust(settings, trust);
  }
  if (const Node* node = section.find("machine"); node != nullptr && node->kind != Node::Kind::array) {
    section.refuse("machine", "must be a list of tables: write [[certificates.machine]].");
  } else if (node != nullptr) {
    if (node->items.size() > model::kMostMachineCertificates)
      section.refuse("machine",
                     "stands there more than " + std::to_string(model::kMostMachineCertificates) + " times.");
    for (size_t i = 0; i < node->items.size() && i < model::kMostMachineCertificates; ++i) {
      const Node& item = node->items[i];
      Section one(item, section.path_of("machine") + "[" + std::to_string(i) + "]", section.reading(), item.line);
      auto files = read_certificate(one, true);
      one.finish();
      if (!files) continue;
      files->name = model::machine_credential(i);
      add_credential(settings, *files);
    }
  }
  section.finish();
}

}  // namespace sallyport::config
