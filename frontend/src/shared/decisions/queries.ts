//! What pages ask about the devices of a decision.
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
