//! What pages ask and tell the API about demand-response events.
import { graphql } from '../gql';

export const EventsQuery = graphql(`
  query Events($feederId: ID, $includePast: Boolean!) {
    events(feederId: $feederId, includePast: $includePast) {
      id
      feederId
      start
      end
      limitKw
      type
      rampSeconds
      cancelled
      cancelledAt
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

export const UpdateEvent = graphql(`
  mutation UpdateEvent($id: ID!, $input: EventPatch!) {
    updateEvent(id: $id, input: $input) {
      id
      start
      end
      limitKw
      rampSeconds
    }
  }
`);

export const CancelEvent = graphql(`
  mutation CancelEvent($id: ID!) {
    cancelEvent(id: $id) {
      id
      cancelled
      cancelledAt
    }
  }
`);

export const FairnessQuery = graphql(`
  query Fairness($feederId: ID!, $from: DateTime!, $to: DateTime!) {
    fairness(feederId: $feederId, from: $from, to: $to) {
      feederId
      jain
      worstDecileShare
      perDevice {
        deviceId
        wantedKwh
        servedKwh
        curtailedKwh
      }
    }
  }
`);
