// Algorithms between the two tongues: IPsec's registry (model) and the filter engine's enumerations. Pure.
#pragma once
#include "policy/sa_context.h"
#include "stack/sa_facts.h"

namespace sallyport::stack {

// kNoSuchTransform where the interface has no number.
policy::SaMaterial material_of(const SaFacts& sa, model::Spi spi);
// Keys of one direction, where the interface has them: GCM's stand in both places, with their salt.
void put_keys(const model::DirectionKeys& keys, policy::SaMaterial& into);
policy::IkeSaProposal proposal_of(const model::ChosenIke& chosen);
uint32_t pfs_number(model::GroupId group);  // IPSEC_PFS_GROUP; its _MAX for another group

// What a bundle's one SA asks for, keys apart.
struct DirectAlgorithms {
  model::Protocol protocol = model::Protocol::ESP;
  model::EncrId encr = model::EncrId::NULL_ENCR;
  uint16_t key_bits = 0;
  model::IntegId integ = model::IntegId::NONE;
  bool operator==(const DirectAlgorithms&) const = default;
};
policy::Outcome<DirectAlgorithms> algorithms_of(const policy::SaMaterial& material);
// WIN32_INVALID_PARAMETER: not as long as the algorithm wants.
policy::Outcome<model::DirectionKeys> keys_of(const DirectAlgorithms& algorithms, const policy::SaMaterial& material);

}  // namespace sallyport::stack
