//! What the page of one device asks the API.
import { graphql } from '../../shared/gql';

export const DeviceFactsFields = graphql(`
  fragment DeviceFacts on Device {
    id
    type
    origin
    feederId
    siteId
    ratedKw
    minPowerKw
    priority
    targetSoc
    optedOut
    overridden
    freshness
    lastSeen
    powerKw
    setpointKw
    soc
    trackingErrorKw
    compliant
    fallbackKw
    override {
      powerKw
      until
    }
    notices {
      kind
      detail
    }
  }
`);

export const DeviceQuery = graphql(`
  query Device($id: ID!) {
    device(id: $id) {
      id
      ...DeviceFacts
    }
  }
`);

export const DeviceUpdate = graphql(`
  subscription DeviceUpdate($id: ID!) {
    deviceUpdated(deviceId: $id) {
      id
      ...DeviceFacts
    }
  }
`);

export const DeviceTelemetry = graphql(`
  query DeviceTelemetry($id: ID!, $from: DateTime!, $to: DateTime!) {
    device(id: $id) {
      id
      telemetry(from: $from, to: $to, maxPoints: 500) {
        at
        powerKw
        setpointKw
        soc
      }
    }
  }
`);

export const ExplanationFields = graphql(`
  fragment Explanation on Explanation {
    deviceId
    at
    sentence
    boundFeederId
    boundLimitKw
    sharedWith
    decision {
      ...DecisionFacts
    }
    device {
      wantedKw
      shareKw
      setpointKw
      weight
      deficitKwh
      reason
      bindingConstraint
      marginal
      sampleAgeMs
    }
  }
`);

export const ExplainQuery = graphql(`
  query Explain($id: ID!, $at: DateTime) {
    explain(deviceId: $id, at: $at) {
      ...Explanation
    }
  }
`);

export const CommandFields = graphql(`
  fragment Command on Command {
    id
    decisionId
    setpointKw
    validUntil
    stage
    decidedAt
    sentAt
    ackedAt
    appliedAt
    observedAt
    reason
  }
`);

export const CommandsQuery = graphql(`
  query DeviceCommands($id: ID!, $first: Int!, $after: String) {
    commands(deviceId: $id, first: $first, after: $after) {
      edges {
        node {
          id
          ...Command
        }
      }
      pageInfo {
        hasNextPage
        endCursor
      }
      totalCount
    }
  }
`);

export const SetDevice = graphql(`
  mutation SetDevice($input: DeviceInput!) {
    setDevice(input: $input) {
      id
      ...DeviceFacts
    }
  }
`);

export const OverrideSetpoint = graphql(`
  mutation OverrideSetpoint($deviceId: ID!, $powerKw: Float!, $forSeconds: Int!) {
    overrideSetpoint(deviceId: $deviceId, powerKw: $powerKw, forSeconds: $forSeconds) {
      id
      ...DeviceFacts
    }
  }
`);

export const ClearOverride = graphql(`
  mutation ClearOverride($deviceId: ID!) {
    clearOverride(deviceId: $deviceId) {
      id
      ...DeviceFacts
    }
  }
`);

export const RetireDevice = graphql(`
  mutation RetireDevice($id: ID!) {
    retireDevice(id: $id)
  }
`);

export const ReplacementsQuery = graphql(`
  query Replacements($type: DeviceType!, $search: String) {
    devices(type: $type, search: $search, first: 50) {
      edges {
        node {
          id
          feederId
        }
      }
    }
    waitingDevices(first: 100) {
      edges {
        node {
          id
          type
        }
      }
    }
  }
`);

export const ReplaceDevice = graphql(`
  mutation ReplaceDevice($id: ID!, $by: ID!) {
    replaceDevice(id: $id, by: $by) {
      id
      ...DeviceFacts
    }
  }
`);
