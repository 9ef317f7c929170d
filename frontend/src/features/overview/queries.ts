//! What the overview asks the API.
import { graphql } from '../../shared/gql';

export const HealthQuery = graphql(`
  query SystemHealth {
    health {
      status
      version
      log {
        ...HealthPart
      }
      clickhouse {
        ...HealthPart
      }
      control {
        ...HealthPart
      }
      mqtt {
        ...HealthPart
      }
    }
  }
`);

export const HealthPartFields = graphql(`
  fragment HealthPart on Part {
    ok
    detail
    since
  }
`);

export const DeviceCounts = graphql(`
  query DeviceCounts {
    all: devices(first: 1) {
      totalCount
    }
    physical: devices(origin: PHYSICAL, first: 1) {
      totalCount
    }
  }
`);

export const TrackingErrors = graphql(`
  query TrackingErrors {
    trackingError {
      deviceId
      type
      samples
      meanErrorKw
      meanAbsErrorKw
    }
  }
`);
