//! The page "Health".
import { useTitle } from '../../shared/lib/hooks';

export function HealthPage() {
  useTitle('Health');
  return <h1>Health</h1>;
}
