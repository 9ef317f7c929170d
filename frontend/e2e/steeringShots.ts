//! Screenshots of the pages on which something is decided: demand response, a device explained, health, audit.
import type { Page } from 'playwright-core';
import { testIds } from '../src/shared/testIds';

type Shoot = (page: Page, name: string) => Promise<void>;

export async function steeringRound(page: Page, suffix: string, shoot: Shoot): Promise<void> {
  await page.goto('/demand-response?new=program&past=1');
  await page.getByRole('form', { name: 'New program' }).getByLabel('Name').fill('Evening relief');
  await page.getByRole('form', { name: 'New program' }).getByLabel('Power to shed (kW)').fill('30');
  await page.getByTestId(testIds.drProgram).first().waitFor();
  await shoot(page, `demand-response-form-${suffix}`);
  await page.getByRole('button', { name: 'Close' }).click();
  const activate = page.getByRole('button', { name: /^Activate/ }).first();
  if (await activate.isVisible()) {
    await activate.click();
    await page.getByRole('group', { name: /^Confirm/ }).getByRole('button', { name: 'Activate' }).click();
    await page.getByRole('group', { name: 'Impact now' }).waitFor();
    await page.getByRole('button', { name: 'Dismiss' }).click();
  }
  const gave = page.getByRole('button', { name: /^Who gave for/ });
  await gave.first().click();
  await page.getByRole('group', { name: /^Who gave on/ }).nth(1).waitFor();
  await shoot(page, `demand-response-${suffix}`);

  await page.goto('/devices?type=EV');
  await page.getByTestId(testIds.deviceRow).first().getByRole('link').click();
  await page.getByTestId(testIds.why).getByText('Setpoint', { exact: false }).first().waitFor();
  await page.getByTestId(testIds.commandRow).first().waitFor();
  const chart = page.getByTestId(testIds.powerChart).getByRole('img');
  await chart.focus();
  for (let step = 0; step < 4; step += 1) await page.keyboard.press('ArrowLeft');
  await page.keyboard.press('Enter');
  await page.waitForURL(/at=/);
  await page.getByTestId(testIds.why).getByText('Setpoint', { exact: false }).first().waitFor();
  await page.getByRole('button', { name: 'Set its power' }).click();
  await page.getByLabel('Power (kW)').fill('1.5');
  await shoot(page, `device-why-${suffix}`);

  await page.goto('/health');
  await page.getByTestId(testIds.waitingRow).first().waitFor();
  await page.getByTestId(testIds.deadLetterRow).first().waitFor();
  await page.getByTestId(testIds.alarmRow).first().getByText(/^What to do about/).click();
  await page.getByRole('button', { name: /^Approve/ }).first().click();
  await shoot(page, `health-${suffix}`);

  await page.goto('/audit');
  await page.getByTestId(testIds.auditRow).nth(2).waitFor();
  await page.getByRole('button', { name: /^Details/ }).nth(1).click();
  await shoot(page, `audit-${suffix}`);
}
