//! One feeder: how it stands, who gives way under its limit and why, and what an operator may change.
import { useTitle } from '../../shared/lib/hooks';

export function FeederPage({ id }: { id: string }) {
  useTitle(id);
  return <h1>{id}</h1>;
}
