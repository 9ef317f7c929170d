//! What the device table asks the API.
import { graphql } from '../../shared/gql';

export const DeviceRowFields = graphql(`
  fragment DeviceRow on Device {
    id
    type
    origin
    feederId
    siteId
    ratedKw
    priority
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

export const DevicePageQuery = graphql(`
  query DevicesPage(
    $feederId: ID
    $type: DeviceType
    $origin: DeviceOrigin
    $freshness: Freshness
    $search: String
    $first: Int!
    $after: String
  ) {
    devices(
      feederId: $feederId
      type: $type
      origin: $origin
      freshness: $freshness
      search: $search
      first: $first
      after: $after
    ) {
      edges {
        node {
          id
          ...DeviceRow
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

export const DeviceUpdates = graphql(`
  subscription DeviceUpdates {
    deviceUpdated {
      ...DeviceRow
    }
  }
`);

export const DeviceFeeders = graphql(`
  query DeviceFeeders {
    feeders {
      id
      parentId
    }
  }
`);

export const SetDevice = graphql(`
  mutation SetDeviceRow($input: DeviceInput!) {
    setDevice(input: $input) {
      ...DeviceRow
    }
  }
`);

export const CurtailedPage = graphql(`
  query CurtailedPage($feederId: ID!, $after: String) {
    decisions(feederId: $feederId, first: 1) {
      edges {
        node {
          id
          devices(first: 500, after: $after) {
            edges {
              node {
                ...DecisionDeviceRow
              }
            }
            pageInfo {
              hasNextPage
              endCursor
            }
          }
        }
      }
    }
  }
`);
