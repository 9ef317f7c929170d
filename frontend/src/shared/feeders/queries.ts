//! What pages ask about feeders, and the alarms that stand.
import { graphql } from '../gql';

export const FeederFactsFields = graphql(`
  fragment FeederFacts on Feeder {
    id
    parentId
    mode
    policy
    policyIsDefault
    degraded
    stopped
    importLimitKw
    importLimitIsDefault
    exportLimitKw
    effectiveLimitKw
    loadKw
    controlledKw
    uncontrolledKw
    reservedKw
    headroomKw
    allocatedKw
    waterLevel
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
      ...FeederFacts
    }
  }
`);

export const FeederUpdates = graphql(`
  subscription FeederUpdates {
    feederUpdated {
      id
      ...FeederFacts
    }
  }
`);

export const FeederHistory = graphql(`
  query FeederHistory($id: ID!, $from: DateTime!, $to: DateTime!, $maxPoints: Int!) {
    feeder(id: $id) {
      id
      history(from: $from, to: $to, maxPoints: $maxPoints) {
        at
        loadKw
        limitKw
        curtailedKw
        allocatedKw
        reservedKw
      }
    }
  }
`);

export const AlarmsQuery = graphql(`
  query Alarms($feederId: ID) {
    alarms(feederId: $feederId) {
      at
      code
      severity
      feederId
      deviceId
      message
      runbook
    }
  }
`);

export const AlarmRaised = graphql(`
  subscription AlarmRaised {
    alarm {
      at
      code
    }
  }
`);
