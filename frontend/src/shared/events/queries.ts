//! How events are written; which are shown, each page asks itself.
import { graphql } from '../gql';

export const DrEventFields = graphql(`
  fragment DrEvent on Event {
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
`);

export const CreateDrEvent = graphql(`
  mutation CreateDrEvent($input: EventInput!) {
    createEvent(input: $input) {
      id
      ...DrEvent
    }
  }
`);

export const UpdateDrEvent = graphql(`
  mutation UpdateDrEvent($id: ID!, $input: EventPatch!) {
    updateEvent(id: $id, input: $input) {
      id
      ...DrEvent
    }
  }
`);

export const CancelDrEvent = graphql(`
  mutation CancelDrEvent($id: ID!) {
    cancelEvent(id: $id) {
      id
      ...DrEvent
    }
  }
`);
