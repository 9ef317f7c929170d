//! What the page of one feeder asks and tells the API.
import { graphql } from '../../shared/gql';

export const FeederMarks = graphql(`
  query FeederMarks($feederId: ID!, $from: DateTime!, $to: DateTime!) {
    events(feederId: $feederId, includePast: true) {
      id
      start
      end
      limitKw
      cancelled
      cancelledAt
    }
    drPrograms {
      id
      name
      feederIds
      start
      end
      active
    }
    alarmHistory(feederId: $feederId, from: $from, to: $to, first: 100) {
      edges {
        node {
          from
          to
          code
          deviceId
          message
        }
      }
    }
  }
`);

export const NewestDecision = graphql(`
  query NewestDecision($feederId: ID!) {
    decisions(feederId: $feederId, first: 1) {
      edges {
        node {
          id
          at
          policy
          shadow
          limitKw
          unmetKw
          bindingConstraint
          rung
          certified
          devices(first: 500) {
            edges {
              node {
                ...DecisionDeviceRow
              }
            }
            pageInfo {
              hasNextPage
              endCursor
            }
            totalCount
          }
        }
      }
    }
  }
`);

export const DecisionMade = graphql(`
  subscription DecisionMade($feederId: ID!) {
    decisionMade(feederId: $feederId) {
      id
      at
    }
  }
`);

export const FeederPrograms = graphql(`
  query FeederPrograms {
    drPrograms {
      id
      name
      mode
      feederIds
      start
      end
      targetShedKw
      active
      impact {
        at
        shedKw
      }
    }
  }
`);

export const PoliciesQuery = graphql(`
  query Policies {
    policies
  }
`);

export const SetFeeder = graphql(`
  mutation SetFeeder($input: FeederInput!) {
    setFeeder(input: $input) {
      id
      ...FeederFacts
    }
  }
`);

export const ResumeControl = graphql(`
  mutation ResumeControl($feederId: ID!) {
    resumeControl(feederId: $feederId) {
      id
      ...FeederFacts
    }
  }
`);
