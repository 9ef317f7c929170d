//! What the audit page asks the API.
import { graphql } from '../../shared/gql';

export const AuditEntryFields = graphql(`
  fragment AuditEntry on AuditEntry {
    id
    at
    actor
    source
    kind
    entity
    before
    after
  }
`);

export const AuditQuery = graphql(`
  query Audit($from: DateTime, $to: DateTime, $actor: String, $entity: ID, $first: Int!, $after: String) {
    audit(from: $from, to: $to, actor: $actor, entity: $entity, first: $first, after: $after) {
      edges {
        node {
          id
          ...AuditEntry
        }
      }
      pageInfo {
        hasNextPage
        endCursor
      }
      totalCount
    }
  }
`);
