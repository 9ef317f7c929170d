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
    at
    trigger
    policy
    shadow
    limitKw
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
