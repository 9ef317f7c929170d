//! What pages ask about the simulated day.
import { graphql } from '../gql';

export const SimulationQuery = graphql(`
  query Simulation {
    simulation {
      mode
      overridden
      updatedAt
      hoursAhead
    }
  }
`);
