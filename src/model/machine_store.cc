// See machine_store.h.
#include "model/machine_store.h"

#include <algorithm>

namespace sallyport::model {

std::string machine_credential(size_t index) {
  const std::string number = std::to_string(index + 1);
  return std::string(kMachineStore) + "/" + (number.size() < 2 ? "0" : "") + number;
}

bool is_machine_credential(std::string_view name) {
  return name.size() > kMachineStore.size() && name.substr(0, kMachineStore.size()) == kMachineStore &&
         name[kMachineStore.size()] == '/';
}

std::string narrowed_trust(std::string_view set, const std::vector<Bytes>& key_ids) {
  std::string out(set);
  char before = '#';
  for (const Bytes& id : key_ids) {
    out += before + to_hex(id);
    before = ',';
  }
  return out;
}

std::optional<NarrowedTrust> read_narrowed_trust(std::string_view name) {
  const size_t mark = name.find('#');
  if (mark == std::string_view::npos) return std::nullopt;
  NarrowedTrust out{std::string(name.substr(0, mark)), {}};
  for (std::string_view rest = name.substr(mark + 1);;) {
    const size_t comma = std::min(rest.find(','), rest.size());
    auto id = from_hex(rest.substr(0, comma));
    if (!id || id->empty()) return std::nullopt;
    out.key_ids.push_back(std::move(*id));
    if (comma == rest.size()) return out;
    rest.remove_prefix(comma + 1);
  }
}

}  // namespace sallyport::model
