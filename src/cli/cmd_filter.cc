// sallyport filter | layer | context: the objects of the filter engine, for people and programs.
#include <CLI/CLI.hpp>
#include <iomanip>

#include "cli/verbs.h"

namespace sallyport::cli {

namespace {

using What = ctl::ListPolicy::What;

void show_json(Shared& shared, const ctl::PolicyListing& listing) {
  Json json;
  json.array();
  for (const auto& row : listing.rows) {
    json.object().field("number", row.number).field("key", row.key).field("name", row.name).field("layer", row.layer);
    json.field("sublayer", row.sublayer).field("weight", hex(row.weight, 16)).field("action", row.action);
    json.field("raw_context", hex(row.raw_context, 1)).field("context", row.context).field("provider", row.provider);
    json.field("conditions", row.conditions).close();
  }
  *shared.out << json.close().text() << "\n";
}

std::string joined(const std::vector<std::string>& list) {
  std::string out;
  for (const auto& one : list) out += (out.empty() ? "" : ", ") + printable(one);
  return out;
}

// Filters under the name of their layer, heaviest first.
void show_filters(std::ostream& out, const ctl::PolicyListing& listing) {
  if (listing.rows.empty()) out << "There are no filters.\n";
  std::string layer;
  for (const auto& row : listing.rows) {
    if (row.layer != layer) out << printable(row.layer) << "\n";
    layer = row.layer;
    out << "  " << std::setw(5) << row.number << "  " << printable(row.action) << "  \"" << printable(row.name) << "\"";
    if (!row.context.empty()) out << " with " << printable(row.context);
    if (row.raw_context != 0) out << " context 0x" << hex(row.raw_context, 1);
    out << "\n         " << (row.conditions.empty() ? "everything" : joined(row.conditions));
    out << "  (" << printable(row.sublayer) << ", weight " << hex(row.weight, 16);
    if (!row.provider.empty()) out << ", of " << printable(row.provider);
    out << ")\n";
  }
}

void show(Shared& shared, What what, const ctl::PolicyListing& listing) {
  if (shared.json) return show_json(shared, listing);
  if (what == What::filters) return show_filters(*shared.out, listing);
  for (const auto& row : listing.rows) {
    *shared.out << std::setw(5) << row.number << "  " << printable(row.name) << "  "
                << (what == What::layers ? joined(row.conditions) : printable(row.action)) << "\n";
  }
  if (listing.rows.empty()) *shared.out << "There are none.\n";
}

void lists(CLI::App* verb, Shared& shared, What what) {
  verb->callback([&shared, what] {
    call(shared, ctl::ListPolicy{what}, [&shared, what](const ctl::Reply& reply) {
      if (const auto* listing = std::get_if<ctl::PolicyListing>(&reply)) show(shared, what, *listing);
      return true;
    });
  });
}

}  // namespace

void add_filter(CLI::App& app, Shared& shared) {
  lists(app.add_subcommand("filter", "List the filters of the filter engine by layer, heaviest first"), shared,
        What::filters);
  lists(app.add_subcommand("layer", "List the layers and the conditions that filters may have there"), shared,
        What::layers);
  lists(app.add_subcommand("context", "List the provider contexts: negotiation policy that filters refer to"), shared,
        What::contexts);
}

}  // namespace sallyport::cli
