//! Asks the API who is signed in: the role may have changed since the sign-in.
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
