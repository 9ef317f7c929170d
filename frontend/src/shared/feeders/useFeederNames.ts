//! The names of all feeders, for forms that put something on one.
import { graphql } from '../gql';
import { useLiveQuery } from '../lib/live';

const FeederNames = graphql(`
  query FeederNames {
    feeders {
      id
    }
  }
`);

const NONE: readonly string[] = [];

export function useFeederNames(): readonly string[] {
  const { data } = useLiveQuery({ query: FeederNames, variables: {} });
  return data?.feeders.map(({ id }) => id) ?? NONE;
}
