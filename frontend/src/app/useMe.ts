//! Asks the API who is signed in: a stored token is only a claim, and a role may have changed since.
import { useEffect } from 'react';
import { useQuery } from 'urql';
import { graphql } from '../shared/gql';
import { sessionStore } from '../shared/lib/session';

const MeQuery = graphql(`
  query Me {
    me {
      name
      role
    }
  }
`);

export function useMe(): void {
  const [{ data }] = useQuery({ query: MeQuery, requestPolicy: 'network-only' });
  useEffect(() => {
    if (data) sessionStore.confirm(data.me.name, data.me.role);
  }, [data]);
}
