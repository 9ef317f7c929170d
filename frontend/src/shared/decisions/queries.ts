//! What pages ask about a decision and its devices.
import { graphql } from '../gql';

export const DecisionDeviceFields = graphql(`
  fragment DecisionDeviceRow on DecisionDevice {
    deviceId
    wantedKw
    setpointKw
    weight
    reason
    bindingConstraint
    sampleAgeMs
  }
`);

export const DecisionFactsFields = graphql(`
  fragment DecisionFacts on Decision {
    id
    feederId
    rootId
    parentId
    at
    trigger
    policy
    mode
    shadow
    degraded
    stopped
    limitKw
    loadKw
    uncontrolledKw
    reservedKw
    headroomKw
    allocatedKw
    unmetKw
    bindingConstraint
    rung
    certified
  }
`);
