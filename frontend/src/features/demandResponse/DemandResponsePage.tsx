//! The page "Demand response".
import { useTitle } from '../../shared/lib/hooks';

export function DemandResponsePage() {
  useTitle('Demand response');
  return <h1>Demand response</h1>;
}
