//! What the health page asks the API.
import { graphql } from '../../shared/gql';

export const PartFields = graphql(`
  fragment ServicePart on Part {
    ok
    detail
    since
  }
`);

export const HealthPageQuery = graphql(`
  query HealthPage {
    health {
      status
      version
      control {
        ...ServicePart
      }
      mqtt {
        ...ServicePart
      }
      log {
        ...ServicePart
      }
      clickhouse {
        ...ServicePart
      }
    }
  }
`);

export const DeadLetterFields = graphql(`
  fragment DeadLetter on DeadLetterReason {
    reason
    count
    lastAt
    detail
    sample
    deviceId
  }
`);

export const DeadLettersQuery = graphql(`
  query DeadLetters($from: DateTime!, $to: DateTime!) {
    deadLetters(from: $from, to: $to) {
      ...DeadLetter
    }
  }
`);

export const SetSimulationMode = graphql(`
  mutation SetSimulationMode($mode: SimulationMode!) {
    setSimulationMode(mode: $mode) {
      mode
      overridden
      updatedAt
      hoursAhead
    }
  }
`);

export const WaitingFields = graphql(`
  fragment Waiting on WaitingDevice {
    id
    type
    origin
    feederId
    siteId
    reason
    since
    notices {
      kind
      detail
    }
  }
`);

export const WaitingQuery = graphql(`
  query WaitingDevices {
    waitingDevices(first: 100) {
      edges {
        node {
          id
          ...Waiting
        }
      }
      totalCount
    }
  }
`);

export const NoticedQuery = graphql(`
  query NoticedDevices {
    noticedDevices(first: 100) {
      edges {
        node {
          id
          notices {
            kind
            detail
          }
        }
      }
      totalCount
    }
  }
`);

export const ApproveDevice = graphql(`
  mutation ApproveDevice($id: ID!, $feederId: ID, $type: DeviceType) {
    approveDevice(id: $id, feederId: $feederId, type: $type) {
      id
      feederId
    }
  }
`);
