// See policy_report.h.
#include "runtime/policy_report.h"

#include "policy/enumerate.h"
#include "stack/explain_filters.h"

namespace sallyport::runtime {
namespace {

std::string sublayer_name(const policy::Snapshot& snapshot, const policy::Guid& key) {
  const auto* found = snapshot.sublayers.find(key);
  return found ? (*found)->head.display.name : key.to_string();
}
std::string provider_name(const policy::Snapshot& snapshot, const policy::ObjectHead& head) {
  if (!head.provider) return {};
  const auto* found = snapshot.providers.find(*head.provider);
  return found ? (*found)->head.display.name : head.provider->to_string();
}

std::string action_of(const policy::Snapshot& snapshot, const policy::Filter& filter) {
  std::string out(policy::to_string(filter.action.type));
  if (!policy::is_callout(filter.action.type)) return out;
  const auto* callout = snapshot.callouts.find(filter.action.callout);
  return out + " " + (callout ? (*callout)->head.display.name : filter.action.callout.to_string());
}

ctl::PolicyRow row_of(const policy::ObjectHead& head, uint64_t number) {
  ctl::PolicyRow out;
  out.number = number;
  out.key = head.key.to_string();
  out.name = head.display.name;
  return out;
}

void list_filters(const policy::Snapshot& snapshot, ctl::PolicyListing& out) {
  for (const auto& layer : policy::layers()) {
    policy::FilterTemplate wanted;
    wanted.layer = layer.id;
    wanted.flags = policy::FilterTemplate::kSorted;
    const auto filters = policy::enumerate_filters(snapshot, &wanted);
    if (!filters) continue;
    for (const auto& filter : *filters) {
      ctl::PolicyRow row = row_of(filter->head, filter->id);
      row.layer = layer.name;
      row.sublayer = sublayer_name(snapshot, filter->sublayer);
      row.provider = provider_name(snapshot, filter->head);
      row.weight = filter->effective_weight;
      row.action = action_of(snapshot, *filter);
      row.raw_context = filter->has_provider_context() ? 0 : filter->raw_context;
      for (const auto& condition : filter->conditions) row.conditions.push_back(condition.to_string());
      if (filter->has_provider_context()) {
        const auto* context = snapshot.contexts.find(filter->provider_context);
        row.context = context ? (*context)->head.display.name : filter->provider_context.to_string();
      }
      out.rows.push_back(std::move(row));
    }
  }
}

void explain_by_connection(const Driver& driver, const model::SpdEntry& entry, uint64_t filter,
                           ctl::ExplainReply& out) {
  out.action = "PROTECT";
  out.connection = entry.connection;
  out.child = entry.child;
  out.entry = model::to_string(entry.local) + " to " + model::to_string(entry.remote);
  for (const auto& sa : driver.packets().sas) {
    if (sa.reqid == entry.reqid && sa.outbound_active && !sa.lingering) out.spi_out = sa.spi_out;
  }
  out.sentence =
      "protected by " + entry.connection + "." + entry.child + ", filter " + std::to_string(filter) +
      (out.spi_out != 0 ? ", with its SA" : ", which has no SA yet: the packet would wait while one is negotiated");
}

}  // namespace

ctl::PolicyListing make_policy_listing(const Driver& driver, const ctl::ListPolicy& question) {
  const auto& snapshot = *driver.control().filters();
  ctl::PolicyListing out;
  if (question.what == ctl::ListPolicy::What::filters) list_filters(snapshot, out);
  if (question.what == ctl::ListPolicy::What::layers) {
    for (const auto& layer : policy::layers()) {
      ctl::PolicyRow row;
      row.number = static_cast<uint64_t>(layer.id);
      row.key = layer.key.to_string();
      row.name = layer.name;
      for (const policy::Field field : layer.fields) row.conditions.emplace_back(policy::to_string(field));
      out.rows.push_back(std::move(row));
    }
  }
  if (question.what == ctl::ListPolicy::What::contexts) {
    for (const auto& context : policy::enumerate_contexts(snapshot, {})) {
      ctl::PolicyRow row = row_of(context->head, context->id);
      row.provider = provider_name(snapshot, context->head);
      row.action = policy::to_string(context->type);
      out.rows.push_back(std::move(row));
    }
  }
  return out;
}

void explain_packet(const Driver& driver, const model::FlowKey& flow, const stack::SocketOwner* owner,
                    ctl::ExplainReply& out) {
  // As it leaves here; and as the same packet would be judged where it arrives, were that this host.
  const auto explained = driver.control().explain_filters(flow, owner);
  for (const auto& layer : explained.layers)
    out.layers.push_back(
        {std::string(policy::to_string(layer.layer)), layer.action, layer.filter, layer.name, layer.sentence});
  if (explained.blocked) {
    out.action = "DISCARD";
    out.sentence = "a filter blocks it";
    return;
  }
  if (explained.protects == 0 && !explained.others) {
    out.action = "DISCARD";
    out.sentence = "no policy covers this packet: it would be dropped at the device, and usually never gets there";
    return;
  }
  if (explained.protects == 0) {
    out.action = "BYPASS";
    out.sentence = "no IPsec callout has a say: it leaves in the clear";
    return;
  }
  if (explained.connection) return explain_by_connection(driver, *explained.connection, explained.protects, out);
  out.action = "PROTECT";
  for (const auto& sa : driver.packets().sas) {
    // As packets are: one that only authenticates comes first, where the flow may have it.
    const bool first = explained.reqid_authenticated != 0 && sa.reqid == explained.reqid_authenticated;
    const bool fits = first || (sa.reqid == explained.reqid_encrypted && out.spi_out == 0);
    if (fits && explained.wanted && sa.outbound_active && !sa.lingering) out.spi_out = sa.spi_out;
  }
  const std::string by = "filter " + std::to_string(explained.protects);
  if (explained.wanted) {
    out.connection = explained.wanted->connection;
    out.child = explained.wanted->child;
  }
  if (out.spi_out != 0) {
    out.sentence = "protected by " + by + " with its SA";
  } else if (!explained.refusal.empty()) {
    out.sentence = by + " protects it, but there can be no SA: " + explained.refusal;
  } else {
    out.sentence = by + " has no SA for it yet: " +
                   (explained.clear_meanwhile ? "a new flow begins in the clear while one is negotiated"
                                              : "the packet would wait while one is negotiated");
  }
}

}  // namespace sallyport::runtime
