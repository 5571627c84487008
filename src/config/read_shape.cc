// How a child's packets are shaped: header = { … }, fragments = { … }, tfc = { … } of [connection.NAME.child.CHILD].
#include "config/read_parts.h"

namespace sallyport::config {

namespace {

using Shape = model::PacketShape;

Section part_of(Section& section, std::string_view key, const Node& node) {
  return Section(node, section.path_of(key), section.reading(), section.line_of(key));
}

// dscp = "copy" or a number of six bits.
void read_dscp(Section& section, Shape& out) {
  const Node* value = section.find("dscp");
  if (value == nullptr) return;
  if (value->kind == Node::Kind::string && value->text == "copy") return;
  if (value->kind == Node::Kind::integer && value->integer >= 0 && value->integer <= 63) {
    out.dscp = static_cast<uint8_t>(value->integer);
    return;
  }
  section.refuse("dscp", "must be \"copy\" (of the inner header) or a number from 0 to 63.");
}

void read_header(Section section, Shape& out) {
  section.read("ecn", out.ecn);
  read_dscp(section, out);
  std::string word;
  if (section.read_word("df", word, {"copy", "set", "clear"})) {
    out.df = word == "copy" ? Shape::Df::copy : word == "set" ? Shape::Df::set : Shape::Df::clear;
  }
  section.finish();
}

void read_fragments(Section section, model::ChildPolicy& out) {
  std::string word;
  if (section.read_word("cut", word, {"before", "after"})) {
    out.shape.fragment = word == "before" ? Shape::Fragment::before : Shape::Fragment::after;
  }
  section.read("reassemble", out.shape.reassemble);
  section.read("non_first", out.non_first_fragments);
  section.finish();
}

// pad = "path" or a size of inner packets.
void read_pad(Section& section, Shape& out) {
  const Node* value = section.find("pad");
  if (value == nullptr) return;
  if (value->kind == Node::Kind::string && value->text == "path") {
    out.tfc_octets = Shape::kTfcToPath;
    return;
  }
  if (value->kind == Node::Kind::integer && value->integer >= 64 && value->integer <= 9000) {
    out.tfc_octets = static_cast<uint16_t>(value->integer);
    return;
  }
  section.refuse("pad", "must be \"path\" (as much as the path takes) or a size from 64 to 9000.");
}

void read_tfc(Section section, model::ChildPolicy& out) {
  read_pad(section, out.shape);
  // RFC 4303 2.7: the length of the payload is found in the inner IP header, which transport mode does not have.
  if (out.shape.tfc_octets != 0 && out.mode == model::Mode::transport && !out.accept_tunnel) {
    section.refuse("pad", "padding is hidden behind an inner IP header, which transport mode does not have.");
  }
  Duration interval{};
  if (section.read_duration("dummies", interval, milliseconds(1), hours(1), true) && interval > Duration::zero()) {
    out.shape.dummy_interval = interval;
  }
  section.read("accept", out.accept_tfc);
  section.finish();
}

}  // namespace

void read_shape(Section& section, model::ChildPolicy& out) {
  if (const Node* node = section.find("header")) {
    if (out.mode == model::Mode::transport && !out.accept_tunnel) {
      section.refuse("header", "speaks of the outer header of tunnel mode; in transport mode there is none.");
    }
    read_header(part_of(section, "header", *node), out.shape);
  }
  if (const Node* node = section.find("fragments")) read_fragments(part_of(section, "fragments", *node), out);
  if (const Node* node = section.find("tfc")) {
    if (out.protocol != model::Protocol::ESP) section.refuse("tfc", "is a service of ESP; AH hides nothing.");
    read_tfc(part_of(section, "tfc", *node), out);
  }
}

}  // namespace sallyport::config
