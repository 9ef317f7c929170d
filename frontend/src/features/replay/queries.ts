//! What the replay of the past asks the API.
import { graphql } from '../../shared/gql';

export const ReplayFeedersQuery = graphql(`
  query ReplayFeeders {
    feeders {
      id
      parentId
    }
  }
`);

export const ReplayStepsQuery = graphql(`
  query ReplaySteps($feederId: ID!, $from: DateTime!, $to: DateTime!, $after: String) {
    decisions(feederId: $feederId, from: $from, to: $to, first: 500, after: $after) {
      edges {
        node {
          id
          ...DecisionFacts
        }
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
  }
`);

export const ReplayMomentQuery = graphql(`
  query ReplayMoment($id: ID!) {
    decision(id: $id) {
      id
      at
      tree {
        id
        ...DecisionFacts
      }
      devices(first: 500) {
        edges {
          node {
            ...DecisionDeviceRow
          }
        }
        totalCount
      }
    }
  }
`);

export const ReplayWhyQuery = graphql(`
  query ReplayWhy($deviceId: ID!, $at: DateTime!) {
    explain(deviceId: $deviceId, at: $at) {
      sentence
    }
  }
`);
