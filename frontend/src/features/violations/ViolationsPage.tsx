//! The page "Fairness and violations".
import { useTitle } from '../../shared/lib/hooks';

export function ViolationsPage() {
  useTitle('Fairness and violations');
  return <h1>Fairness and violations</h1>;
}
