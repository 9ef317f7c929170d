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
