//! Chromium for journeys and screenshots, and the way in. The address and the user come from the environment.
import { chromium } from 'playwright-core';
import type { Browser, BrowserContext, Page } from 'playwright-core';

const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

export function launch(): Promise<Browser> {
  return chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', headless: true, args: FLAGS });
}

export interface Look {
  theme?: 'day' | 'night';
  phone?: boolean;
  /** Where the reader is; without it, where the machine is. */
  zone?: string;
}

/** The looks in which every page is judged. */
export const LOOKS: (Look & { name: string })[] = [
  { name: 'wide by day', theme: 'day' },
  { name: 'wide by night', theme: 'night' },
  { name: 'phone by day', theme: 'day', phone: true },
  { name: 'phone by night', theme: 'night', phone: true },
];

export const WIDE = { width: 1440, height: 900 };
export const PHONE = { width: 390, height: 844 };

export function newContext(browser: Browser, baseURL: string, { theme = 'day', phone = false, zone }: Look = {}): Promise<BrowserContext> {
  return browser.newContext({
    baseURL,
    viewport: phone ? PHONE : WIDE,
    colorScheme: theme === 'night' ? 'dark' : 'light',
    ...(zone ? { timezoneId: zone } : {}),
    ...(phone ? { isMobile: true, hasTouch: true, deviceScaleFactor: 2 } : {}),
  });
}

export interface Person {
  user: string;
  password: string;
}

export async function fillLogin(page: Page, { user, password }: Person): Promise<void> {
  await page.getByLabel('User name').fill(user);
  await page.getByLabel('Password').fill(password);
  await page.getByRole('button', { name: 'Sign in' }).click();
}

/** Signs in and waits for the first page. */
export async function enter(page: Page, person: Person, path = '/'): Promise<void> {
  await page.goto(path);
  await fillLogin(page, person);
  await page.getByRole('navigation', { name: 'Pages' }).waitFor();
}

/** Collects what a page should never have: console errors and uncaught exceptions. */
export function watchErrors(page: Page): string[] {
  const errors: string[] = [];
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') errors.push(`${message.text()} ${message.location().url}`);
  });
  page.on('pageerror', (error) => errors.push(error.message));
  return errors;
}
