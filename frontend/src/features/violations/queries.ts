//! What the page of fairness and violations asks the API.
import { graphql } from '../../shared/gql';

export const FeederIds = graphql(`
  query FeederIds {
    feeders {
      id
      parentId
    }
  }
`);

export const ViolationsQuery = graphql(`
  query Violations($feederId: ID, $from: DateTime!, $to: DateTime!) {
    violations(feederId: $feederId, from: $from, to: $to, first: 500) {
      edges {
        node {
          feederId
          from
          to
          worstKw
          kwh
          cause
        }
      }
      totalCount
    }
  }
`);

export const AlarmHistoryQuery = graphql(`
  query AlarmHistory($feederId: ID, $from: DateTime!, $to: DateTime!) {
    alarmHistory(feederId: $feederId, from: $from, to: $to, first: 500) {
      edges {
        node {
          from
          to
          code
          severity
          feederId
          deviceId
          message
          runbook
        }
      }
      totalCount
    }
  }
`);
