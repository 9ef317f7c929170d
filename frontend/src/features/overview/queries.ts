//! What the overview asks the API.
import { graphql } from '../../shared/gql';

export const FeederCardFields = graphql(`
  fragment FeederCard on Feeder {
    id
    mode
    degraded
    stopped
    importLimitKw
    exportLimitKw
    effectiveLimitKw
    loadKw
    controlledKw
    uncontrolledKw
    reservedKw
    headroomKw
    deviceCount
    freshCount
    staleCount
    byType {
      type
      count
      powerKw
    }
    lastDecisionAt
  }
`);

export const FeedersQuery = graphql(`
  query Feeders {
    feeders {
      id
      ...FeederCard
    }
  }
`);

export const FeederUpdates = graphql(`
  subscription FeederUpdates {
    feederUpdated {
      id
      ...FeederCard
    }
  }
`);

export const FeederHistories = graphql(`
  query FeederHistories($from: DateTime!, $to: DateTime!, $maxPoints: Int!) {
    feeders {
      id
      history(from: $from, to: $to, maxPoints: $maxPoints) {
        at
        loadKw
        limitKw
      }
    }
  }
`);

export const EventsQuery = graphql(`
  query Events($includePast: Boolean!) {
    events(includePast: $includePast) {
      id
      feederId
      start
      end
      limitKw
      type
      rampSeconds
      cancelled
      createdBy
    }
  }
`);

export const CreateEvent = graphql(`
  mutation CreateEvent($input: EventInput!) {
    createEvent(input: $input) {
      id
      feederId
      start
      end
      limitKw
      cancelled
    }
  }
`);

export const CancelEvent = graphql(`
  mutation CancelEvent($id: ID!) {
    cancelEvent(id: $id) {
      id
      cancelled
    }
  }
`);

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
