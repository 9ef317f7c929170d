//! The page "Audit".
import { useTitle } from '../../shared/lib/hooks';

export function AuditPage() {
  useTitle('Audit');
  return <h1>Audit</h1>;
}
