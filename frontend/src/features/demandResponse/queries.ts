//! What the page of demand response asks the API.
import { graphql } from '../../shared/gql';

export const ProgramFields = graphql(`
  fragment Program on DrProgram {
    id
    name
    mode
    feederIds
    start
    end
    targetShedKw
    incentivePerKwh
    penaltyPerKwh
    active
    impact {
      at
      availableBeforeKw
      availableAfterKw
      shedKw
    }
  }
`);

export const DrQuery = graphql(`
  query DemandResponse {
    events(includePast: true) {
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
    drPrograms {
      id
      ...Program
    }
  }
`);

export const CreateProgram = graphql(`
  mutation CreateProgram($input: DrProgramInput!) {
    createDrProgram(input: $input) {
      id
      ...Program
    }
  }
`);

export const UpdateProgram = graphql(`
  mutation UpdateProgram($id: ID!, $input: DrProgramPatch!) {
    updateDrProgram(id: $id, input: $input) {
      id
      ...Program
    }
  }
`);

export const SetProgramActive = graphql(`
  mutation SetProgramActive($id: ID!, $active: Boolean!) {
    setDrProgramActive(id: $id, active: $active) {
      id
      ...Program
    }
  }
`);

export const DeleteProgram = graphql(`
  mutation DeleteProgram($id: ID!) {
    deleteDrProgram(id: $id)
  }
`);
