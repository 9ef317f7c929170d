//! A budget: the scripts of the first view stay below 300 kB with gzip.
import { expect, test } from 'vitest';
import { firstViewBytes } from './size';
import { useStage } from './stage';

const stage = useStage();
const BUDGET_BYTES = 300_000;

test('the scripts of the first view are small', async () => {
  const { page } = await stage.open();
  const bytes = await firstViewBytes(page, stage.operator);
  expect(bytes).toBeGreaterThan(20_000);
  expect(bytes).toBeLessThan(BUDGET_BYTES);
});
