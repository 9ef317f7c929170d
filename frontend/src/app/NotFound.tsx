//! An address that leads nowhere.
import { Link } from 'wouter';
import { useTitle } from '../shared/lib/hooks';
import { Empty } from '../shared/ui/States';

export function NotFound() {
  useTitle('Not found');
  return (
    <>
      <h1 className="visually-hidden">Page not found</h1>
      <Empty title="There is no such page">
        <Link href="/">Go to the overview</Link>
      </Empty>
    </>
  );
}
